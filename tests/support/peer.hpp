// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The other end of a connection under test: writes frames, legal or not, and reads what comes back.
// It shares no code with the library, so that an error there cannot hide itself.

#ifndef FRAMEWIRE_TESTS_SUPPORT_PEER_HPP
#define FRAMEWIRE_TESTS_SUPPORT_PEER_HPP

#include <framewire/rfc6455.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace framewire::test {

/// A frame as it stood on the wire, unmasked.
struct wire_frame {
    unsigned first = 0; ///< The first octet: FIN, the reserved bits and the opcode.
    bool masked = false;
    std::array<unsigned char, 4> key{};
    std::string payload;

    [[nodiscard]] unsigned op() const { return first & 0x0F; }
    [[nodiscard]] bool fin() const { return (first & 0x80) != 0; }
    [[nodiscard]] unsigned rsv() const { return (first >> 4) & 7; }
};

/// How a frame's length is written.
enum class length_form { shortest, two_octets, eight_octets };

/// Octets of a frame up to its payload, for a payload of any announced size.
inline std::string raw_prefix(unsigned first, std::uint64_t size, bool masked,
                              length_form form = length_form::shortest) {
    std::string out(1, static_cast<char>(first));
    const unsigned mask_bit = masked ? 0x80 : 0;
    if (form == length_form::shortest) {
        form = size > 0xFFFF ? length_form::eight_octets : length_form::two_octets;
        if (size < 126) {
            out += static_cast<char>(mask_bit | size);
            return out;
        }
    }
    const int octets = form == length_form::two_octets ? 2 : 8;
    out += static_cast<char>(mask_bit | (octets == 2 ? 126u : 127u));
    for (int i = octets - 1; i >= 0; --i)
        out += static_cast<char>((size >> (8 * i)) & 0xFF);
    return out;
}

/// Writes frames as the peer of `self` has to: masked when `self` is the server. The masking keys
/// go round in a list of awkward ones, some of which look like the beginning of a frame.
class frame_writer {
public:
    explicit frame_writer(role self) : masked_(self == role::server) {}

    frame_writer& frame(unsigned first, std::string_view payload = {},
                        length_form form = length_form::shortest) {
        return put(first, payload, masked_, form);
    }
    /// A frame masked the wrong way round.
    frame_writer& frame_of_wrong_role(unsigned first, std::string_view payload = {}) {
        return put(first, payload, !masked_, length_form::shortest);
    }
    /// The header of a frame that announces `size` octets, without them.
    frame_writer& header(unsigned first, std::uint64_t size,
                         length_form form = length_form::shortest) {
        out_ += raw_prefix(first, size, masked_, form);
        if (masked_) out_ += next_key();
        return *this;
    }
    frame_writer& text(std::string_view payload) { return frame(0x81, payload); }
    frame_writer& binary(std::string_view payload) { return frame(0x82, payload); }
    frame_writer& ping(std::string_view payload = {}) { return frame(0x89, payload); }
    frame_writer& pong(std::string_view payload = {}) { return frame(0x8A, payload); }
    frame_writer& close() { return frame(0x88); }
    frame_writer& close(unsigned code, std::string_view reason = {}) {
        std::string body;
        body += static_cast<char>(code >> 8);
        body += static_cast<char>(code & 0xFF);
        body += reason;
        return frame(0x88, body);
    }

    [[nodiscard]] std::vector<std::byte> bytes() const {
        std::vector<std::byte> out;
        for (const char c : out_)
            out.push_back(static_cast<std::byte>(c));
        return out;
    }
    [[nodiscard]] const std::string& str() const { return out_; }

private:
    frame_writer& put(unsigned first, std::string_view payload, bool masked, length_form form) {
        out_ += raw_prefix(first, payload.size(), masked, form);
        if (!masked) {
            out_ += payload;
            return *this;
        }
        const std::string key = next_key();
        out_ += key;
        for (std::size_t i = 0; i < payload.size(); ++i) {
            out_ += static_cast<char>(payload[i] ^ key[i % 4]);
        }
        return *this;
    }

    std::string next_key() {
        static constexpr std::array<std::string_view, 5> keys{
            std::string_view("\x37\xFA\x21\x3D", 4), // RFC 6455 5.7
            std::string_view("\x80\x81\x80\x82", 4), std::string_view("\0\0\0\0", 4),
            std::string_view("\x81\x80\x01\x02", 4), std::string_view("\xFF\xFE\x82\x80", 4)};
        return std::string(keys[next_key_++ % keys.size()]);
    }

    bool masked_;
    std::size_t next_key_ = 0;
    std::string out_;
};

/// Takes the whole frames off the front of `data`, and leaves the rest. Throws on what no
/// implementation may send: a length that is not in the shortest form.
inline std::vector<wire_frame> take_frames(std::string& data) {
    std::vector<wire_frame> out;
    std::size_t begin = 0;
    const auto octet = [&](std::size_t i) {
        return static_cast<unsigned>(static_cast<unsigned char>(data[begin + i]));
    };
    for (;;) {
        const std::size_t left = data.size() - begin;
        if (left < 2) break;
        wire_frame frame;
        frame.first = octet(0);
        frame.masked = (octet(1) & 0x80) != 0;
        std::uint64_t size = octet(1) & 0x7F;
        std::size_t prefix = 2;
        if (size >= 126) {
            const std::size_t octets = size == 126 ? 2 : 8;
            if (left < 2 + octets) break;
            size = 0;
            for (std::size_t i = 0; i < octets; ++i)
                size = size << 8 | octet(2 + i);
            if (size < (octets == 2 ? 126u : 65536u)) throw std::runtime_error("length too long");
            prefix += octets;
        }
        if (left < prefix + (frame.masked ? 4 : 0)) break;
        for (std::size_t i = 0; frame.masked && i < 4; ++i) {
            frame.key[i] = static_cast<unsigned char>(data[begin + prefix + i]);
        }
        prefix += frame.masked ? 4 : 0;
        if (left - prefix < size) break;
        frame.payload = data.substr(begin + prefix, static_cast<std::size_t>(size));
        for (std::size_t i = 0; frame.masked && i < frame.payload.size(); ++i) {
            frame.payload[i] = static_cast<char>(frame.payload[i] ^ frame.key[i % 4]);
        }
        out.push_back(frame);
        begin += prefix + static_cast<std::size_t>(size);
    }
    data.erase(0, begin);
    return out;
}

/// All of `data` as frames. Throws when it does not end with a frame.
inline std::vector<wire_frame> frames_of(std::span<const std::byte> data) {
    std::string text;
    for (const std::byte b : data)
        text += static_cast<char>(b);
    auto out = take_frames(text);
    if (!text.empty()) throw std::runtime_error("the output ends inside a frame");
    return out;
}

} // namespace framewire::test

#endif
