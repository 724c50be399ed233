// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The other end of permessage-deflate, straight over zlib, and endpoints that have agreed on it.

#ifndef FRAMEWIRE_TESTS_SUPPORT_DEFLATE_HPP
#define FRAMEWIRE_TESTS_SUPPORT_DEFLATE_HPP

#include <framewire/deflate/permessage_deflate.hpp>

#include "bytes.hpp"
#include "trace.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <zlib.h>

namespace framewire::test {

/// The octets that pairs of hexadecimal digits stand for.
inline std::string octets(std::string_view digits) { return text_of(from_hex(digits)); }

/// Compresses as a peer does. Keeps its window until it is told to begin anew.
class compressing_peer {
public:
    explicit compressing_peer(int window_bits = 15, int level = 6,
                              int strategy = Z_DEFAULT_STRATEGY) {
        if (::deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, 8, strategy) != Z_OK) {
            throw std::runtime_error("deflateInit2");
        }
    }
    ~compressing_peer() { ::deflateEnd(&stream_); }
    compressing_peer(const compressing_peer&) = delete;
    compressing_peer& operator=(const compressing_peer&) = delete;

    /// A piece of the stream, up to `flush`.
    std::string raw(std::string_view text, int flush) {
        std::string out(::deflateBound(&stream_, static_cast<uLong>(text.size())) + 64, '\0');
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
        stream_.avail_in = static_cast<uInt>(text.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        (void)::deflate(&stream_, flush);
        if (stream_.avail_in != 0 || stream_.avail_out == 0) throw std::runtime_error("deflate");
        return out.substr(0, out.size() - stream_.avail_out);
    }
    /// A message (RFC 7692 7.2.1).
    std::string message(std::string_view text) {
        const std::string out = raw(text, Z_SYNC_FLUSH);
        if (out.size() < 4) return std::string(1, '\0'); // RFC 7692 7.2.3.6
        return out.substr(0, out.size() - 4);
    }
    /// A message that ends with a final block (RFC 7692 7.2.3.4), behind which it begins anew.
    std::string final_message(std::string_view text) {
        std::string out = raw(text, Z_FINISH);
        begin_anew();
        return out + '\0';
    }
    void begin_anew() { ::deflateReset(&stream_); }

private:
    z_stream stream_{};
};

/// One message of its own.
inline std::string compressed(std::string_view text, int window_bits = 15, int level = 6) {
    return compressing_peer(window_bits, level).message(text);
}

/// Decompresses as a peer does. It keeps no more of what came than the window that was agreed on.
class decompressing_peer {
public:
    explicit decompressing_peer(int window_bits = 15) {
        if (::inflateInit2(&stream_, -window_bits) != Z_OK)
            throw std::runtime_error("inflateInit2");
    }
    ~decompressing_peer() { ::inflateEnd(&stream_); }
    decompressing_peer(const decompressing_peer&) = delete;
    decompressing_peer& operator=(const decompressing_peer&) = delete;

    /// What a message is (RFC 7692 7.2.2); nothing when it cannot be decompressed.
    std::optional<std::string> message(std::string payload) {
        payload += octets("0000ffff");
        std::string out;
        stream_.next_in = reinterpret_cast<Bytef*>(payload.data());
        stream_.avail_in = static_cast<uInt>(payload.size());
        for (;;) {
            // Little at a time: what lies farther back is in the window or nowhere.
            std::array<char, 64> piece{};
            stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
            stream_.avail_out = static_cast<uInt>(piece.size());
            const int result = ::inflate(&stream_, Z_SYNC_FLUSH);
            out.append(piece.data(), piece.size() - stream_.avail_out);
            // A call that had nothing to do tells nothing of where the stream stands.
            if (result != Z_BUF_ERROR) whole_ = result == Z_STREAM_END || stream_.data_type == 128;
            if (result == Z_STREAM_END) {
                if (stream_.avail_in == 4) break; // nothing behind the final block
                ::inflateResetKeep(&stream_);
                continue;
            }
            if (result != Z_OK && result != Z_BUF_ERROR) return std::nullopt;
            if (stream_.avail_in == 0 && stream_.avail_out != 0) break;
        }
        return out;
    }
    /// Whether the message that it was given last ended where a block of its stream does.
    [[nodiscard]] bool whole() const { return whole_; }
    void begin_anew() { ::inflateReset(&stream_); }

private:
    z_stream stream_{};
    bool whole_ = false;
};

/// A side that has agreed on `parameters`, which stand behind the name in the server's answer.
inline permessage_deflate agreed(role self, std::string_view parameters,
                                 deflate_settings settings = {}) {
    const std::string text = "permessage-deflate" + std::string(parameters);
    if (self == role::client) {
        permessage_deflate made(settings);
        if (made.accept_answer(extension_element(text)) != errc::success) {
            throw std::runtime_error("not an answer:" + text);
        }
        return made;
    }
    settings.server_max_window_bits = settings.client_max_window_bits = 15;
    permessage_deflate made(settings);
    std::array<char, 256> answer{};
    if (made.accept_offer(extension_element(text), answer).error != errc::success) {
        throw std::runtime_error("not an offer:" + text);
    }
    return made;
}

/// An endpoint that has.
template <role Role, options Options = options{}> class deflating
    : public endpoint<Role, Options, permessage_deflate> {
public:
    explicit deflating(std::string_view parameters = {}, const limits& bounds = {},
                       const deflate_settings& settings = {})
        : endpoint<Role, Options, permessage_deflate>(bounds, agreed(Role, parameters, settings)) {}
};

using deflating_server = deflating<role::server>;
using deflating_client = deflating<role::client>;
using deflating_server_stream = deflating<role::server, options{.stream_messages = true}>;
using deflating_client_stream = deflating<role::client, options{.stream_messages = true}>;

/// Whether libdeflate looks at whole messages, in front of zlib.
#if defined(FRAMEWIRE_HAS_LIBDEFLATE)
inline constexpr bool has_libdeflate = true;
#else
inline constexpr bool has_libdeflate = false;
#endif

inline constexpr std::string_view keeps_nothing =
    "; server_no_context_takeover; client_no_context_takeover";

/// Messages are compressed however short they are.
inline deflate_settings always() {
    deflate_settings settings;
    settings.threshold = 0;
    return settings;
}

/// Words of a small vocabulary: what compresses like text.
template <class Random> std::string some_text(Random& random, std::size_t size) {
    static constexpr std::array<std::string_view, 12> words{
        "the ",       "{\"id\":", "\xCE\xBA\xCF\x8C\xCF\x83\xCE\xBC\xCE\xB5 ",
        "frame",      ", ",       "0",
        "\",\"at\":", "a",        "message ",
        "\n",         "17",       "]}"};
    std::string out;
    while (out.size() < size)
        out += words[random() % words.size()];
    while (!is_utf8(out.substr(0, size)) && size > 0)
        --size;
    return out.substr(0, size);
}

/// Octets that do not compress.
template <class Random> std::string some_noise(Random& random, std::size_t size) {
    std::string out;
    while (out.size() < size)
        out += static_cast<char>(random() >> 7);
    return out;
}

} // namespace framewire::test

#endif
