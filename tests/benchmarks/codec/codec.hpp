// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the libraries are given in the codec's benchmark, and what is made of their answers. C++17,
// as one of them is.

#ifndef FRAMEWIRE_BENCHMARKS_CODEC_HPP
#define FRAMEWIRE_BENCHMARKS_CODEC_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace codec {

using buffer = std::vector<std::uint8_t>;

/// What is measured: some messages, so many that the clock costs nothing beside them.
struct work {
    std::string operation; ///< "parse, server"
    std::string of;        ///< "text, 16 B"
    std::string who;       ///< "Framewire"
    std::size_t messages;  ///< in one run
    std::size_t bytes;     ///< of payload in one run
    std::function<void()> run;
    std::function<void()> restore{}; ///< Before each run and not timed; empty when it needs none.
    std::function<bool()> check{};   ///< After one run: whether the result is right.
};
using works = std::vector<work>;

void add_framewire(works& all);
void add_limits(works& all);
void add_beast(works& all);
void add_websocketpp(works& all);
void add_wslay(works& all);

/// Bytes of a server's connection without an extension.
std::size_t framewire_connection_size();
/// The answer to a request of an opening handshake, for clients that want one first.
std::string framewire_answer(const std::string& request);

/// Keeps the compiler from leaving out what led to a value.
template <typename Value> void keep(const Value& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

// --- Messages

struct message_kind {
    const char* name;
    bool text;
    std::size_t size;
};
inline constexpr std::array<message_kind, 4> message_kinds{{{"text, 16 B", true, 16},
                                                            {"text, 125 B", true, 125},
                                                            {"binary, 1 KiB", false, 1024},
                                                            {"binary, 64 KiB", false, 65536}}};
inline constexpr std::size_t run_size = 65536;

/// Header octets of a frame, as short as the length allows (RFC 6455 5.2).
inline std::size_t header_size(std::size_t payload, bool masked) {
    return (payload < 126 ? 2u : payload < 65536 ? 4u : 10u) + (masked ? 4u : 0u);
}

/// Payloads one behind another, no two neighbours the same. Text is ASCII.
class payloads {
public:
    payloads(const message_kind& kind, std::size_t count)
        : size_(kind.size), bytes_(kind.size * count) {
        std::uint32_t x = 1;
        for (std::uint8_t& byte : bytes_) {
            x = x * 1664525 + 1013904223;
            byte = static_cast<std::uint8_t>(kind.text ? ' ' + (x >> 24) % 95 : x >> 24);
        }
    }
    [[nodiscard]] const std::uint8_t* operator[](std::size_t i) const {
        return bytes_.data() + i * size_;
    }

private:
    std::size_t size_;
    buffer bytes_;
};

/// As many frames as 64 KiB hold, at least one.
class frames {
public:
    frames(const message_kind& kind, bool masked)
        : kind_(kind), masked_(masked),
          count_(std::max<std::size_t>(run_size / (kind.size + header_size(kind.size, masked)), 1)),
          payloads_(kind, count_) {
        for (std::size_t i = 0; i < count_; ++i)
            append(payloads_[i], static_cast<std::uint32_t>(i));
        wire_size_ = original_.size();
        original_.resize(wire_size_ + slack);
        bytes_ = original_;
    }

    [[nodiscard]] const message_kind& kind() const { return kind_; }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] const std::uint8_t* payload(std::size_t i) const { return payloads_[i]; }
    [[nodiscard]] std::uint8_t* data() { return bytes_.data(); }
    [[nodiscard]] const std::uint8_t* original() const { return original_.data(); }
    [[nodiscard]] std::size_t size() const { return wire_size_; }

    /// Masks again what was unmasked in place.
    void restore() { std::memcpy(bytes_.data(), original_.data(), original_.size()); }

    /// Whether these are the frames, masked with whatever keys.
    [[nodiscard]] bool equal(const std::uint8_t* in, std::size_t size) const {
        if (size != wire_size_) return false;
        const std::size_t header = header_size(kind_.size, masked_);
        for (std::size_t i = 0; i < count_; ++i, in += header + kind_.size) {
            const std::uint8_t* expected = original_.data() + i * (header + kind_.size);
            if (std::memcmp(in, expected, header - (masked_ ? 4 : 0)) != 0) return false;
            for (std::size_t k = 0; k < kind_.size; ++k) {
                const std::uint8_t key = masked_ ? in[header - 4 + k % 4] : std::uint8_t{0};
                if ((in[header + k] ^ key) != payloads_[i][k]) return false;
            }
        }
        return true;
    }

private:
    // Room behind the frames for kernels that load whole registers.
    static constexpr std::size_t slack = 64;

    void append(const std::uint8_t* payload, std::uint32_t number) {
        const std::size_t size = kind_.size;
        const int mask_bit = masked_ ? 0x80 : 0;
        original_.push_back(kind_.text ? 0x81 : 0x82);
        const int width = size < 126 ? 0 : size < 65536 ? 2 : 8;
        const int first = width == 0 ? static_cast<int>(size) : width == 2 ? 126 : 127;
        original_.push_back(static_cast<std::uint8_t>(mask_bit | first));
        for (int i = width - 1; i >= 0; --i)
            original_.push_back(static_cast<std::uint8_t>(std::uint64_t{size} >> (8 * i)));
        std::array<std::uint8_t, 4> key{};
        if (masked_) {
            const std::uint32_t word = (number + 1) * 2654435761u;
            std::memcpy(key.data(), &word, 4);
            original_.insert(original_.end(), key.begin(), key.end());
        }
        for (std::size_t k = 0; k < size; ++k)
            original_.push_back(payload[k] ^ key[k % 4]);
    }

    message_kind kind_;
    bool masked_;
    std::size_t count_;
    payloads payloads_;
    std::size_t wire_size_ = 0;
    buffer original_;
    buffer bytes_;
};

/// Where the messages of a parser go. Looks at both ends of each.
class sink {
public:
    void take(const std::uint8_t* payload, std::size_t size) {
        ++messages_;
        bytes_ += size;
        sum_ += std::size_t{payload[0]} + payload[size - 1];
    }
    void clear() { *this = sink(); }
    /// Whether these were the messages.
    [[nodiscard]] bool equal(const frames& expected) const {
        sink other;
        for (std::size_t i = 0; i < expected.count(); ++i)
            other.take(expected.payload(i), expected.kind().size);
        return messages_ == other.messages_ && bytes_ == other.bytes_ && sum_ == other.sum_;
    }

private:
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
    std::size_t sum_ = 0;
};

/// Where the frames of an encoder go: one behind the other. Libraries that hand pieces to their
/// transport have them copied here, as others have copied them already.
class output {
public:
    explicit output(std::size_t room) : bytes_(room) {}
    void clear() { size_ = 0; }
    void append(const void* from, std::size_t size) {
        std::memcpy(bytes_.data() + size_, from, size);
        size_ += size;
    }
    [[nodiscard]] std::uint8_t* data() { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    void set_size(std::size_t size) { size_ = size; }

private:
    buffer bytes_;
    std::size_t size_ = 0;
};

/// \tparam Parser called with (bytes, size, sink).
template <typename Parser> void add_parser(works& all, bool server, const char* who) {
    struct state {
        state(const message_kind& kind, bool masked) : input(kind, masked) {}
        frames input;
        Parser parser;
        sink result;
    };
    for (const message_kind& kind : message_kinds) {
        const auto self = std::make_shared<state>(kind, server);
        all.push_back({server ? "parse, server" : "parse, client", kind.name, who,
                       self->input.count(), self->input.count() * kind.size,
                       [self] {
                           self->result.clear();
                           self->parser(self->input.data(), self->input.size(), self->result);
                           keep(self->result);
                       },
                       // Nobody changes what is not masked.
                       server ? std::function<void()>([self] { self->input.restore(); }) : nullptr,
                       [self] { return self->result.equal(self->input); }});
    }
}

/// \tparam Encoder called with (frames to make, output).
template <typename Encoder> void add_encoder(works& all, bool server, const char* who) {
    struct state {
        state(const message_kind& kind, bool masked)
            : wanted(kind, masked), out(wanted.size() + 64) {}
        frames wanted;
        Encoder encoder;
        output out;
    };
    for (const message_kind& kind : message_kinds) {
        const auto self = std::make_shared<state>(kind, !server);
        all.push_back({server ? "encode, server" : "encode, client", kind.name, who,
                       self->wanted.count(), self->wanted.count() * kind.size,
                       [self] {
                           self->out.clear();
                           self->encoder(self->wanted, self->out);
                           keep(self->out.data());
                       },
                       nullptr,
                       [self] { return self->wanted.equal(self->out.data(), self->out.size()); }});
    }
}

// --- Masking and UTF-8

/// Payloads as they stand in a buffer of frames: at odd places, one behind another.
class pieces {
public:
    /// \param text repeated, and cut between two code points, until a piece is nearly full.
    pieces(std::size_t piece, const std::string& text, std::size_t total = 16384)
        : piece_(piece), count_(std::max<std::size_t>(total / (piece + gap), 1)),
          bytes_(count_ * (piece + gap) + 64) {
        for (std::size_t i = 0; i < count_; ++i) {
            std::uint8_t* out = (*this)[i];
            std::size_t at = 0;
            for (; at + text.size() <= piece; at += text.size())
                std::memcpy(out + at, text.data(), text.size());
            for (; at < piece; ++at)
                out[at] = 'x';
        }
    }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::size_t piece() const { return piece_; }
    [[nodiscard]] std::uint8_t* operator[](std::size_t i) {
        return bytes_.data() + gap + i * (piece_ + gap);
    }

private:
    static constexpr std::size_t gap = 6; // what stands between the payloads of short frames
    std::size_t piece_;
    std::size_t count_;
    buffer bytes_;
};

inline const std::string ascii = "A quick brown fox. ";
inline const std::string cjk = "\xE7\x8B\x90\xE7\x8B\xB8\xE8\xB7\xB3";   // 3 octets each
inline const std::string mixed = "\xD0\x9B\xD0\xB8\xE7\x8B\x90\xD1\x81"; // 2, 2, 3 and 2

inline const std::array<std::pair<const char*, std::pair<std::size_t, const std::string*>>, 6>
    utf8_kinds{{{"ASCII, 16 B", {16, &ascii}},
                {"ASCII, 1 KiB", {1024, &ascii}},
                {"ASCII, 1 MiB", {1 << 20, &ascii}},
                {"CJK, 125 B", {125, &cjk}},
                {"CJK, 16 KiB", {16384, &cjk}},
                {"mixed, 16 KiB", {16384, &mixed}}}};

inline constexpr std::array<std::pair<const char*, std::size_t>, 6> mask_kinds{
    {{"16 B", 16},
     {"125 B", 125},
     {"1 KiB", 1024},
     {"16 KiB", 16384},
     {"64 KiB", 65536},
     {"1 MiB", 1 << 20}}};
inline constexpr std::array<std::uint8_t, 4> mask_octets{0x37, 0xFA, 0x21, 0x3D}; // RFC 6455 5.7

/// \param mask called with (payload, size): what it leaves is checked.
template <typename Mask> void add_mask(works& all, const char* who, Mask mask, bool masks = true) {
    for (const auto& [name, size] : mask_kinds) {
        const auto self = std::make_shared<pieces>(size, ascii);
        all.push_back({"mask", name, who, self->count(), self->count() * size,
                       [self, mask] {
                           for (std::size_t i = 0; i < self->count(); ++i)
                               mask((*self)[i], self->piece());
                           keep((*self)[0]);
                       },
                       nullptr,
                       [self, masks] {
                           for (std::size_t k = 0; k < self->piece(); ++k) {
                               const std::uint8_t key =
                                   masks ? mask_octets[k % 4] : std::uint8_t{0};
                               const char plain = k / ascii.size() < self->piece() / ascii.size()
                                                      ? ascii[k % ascii.size()]
                                                      : 'x';
                               if (((*self)[0][k] ^ key) != static_cast<std::uint8_t>(plain))
                                   return false;
                           }
                           return true;
                       }});
    }
}

/// \param valid called with (text, size).
template <typename Valid>
void add_utf8(works& all, const char* who, Valid valid, bool ascii_only = false) {
    for (const auto& [name, of] : utf8_kinds) {
        if (ascii_only && of.second != &ascii) continue;
        const auto self = std::make_shared<pieces>(of.first, *of.second);
        all.push_back({"UTF-8", name, who, self->count(), self->count() * of.first,
                       [self, valid] {
                           for (std::size_t i = 0; i < self->count(); ++i)
                               keep(valid((*self)[i], self->piece()));
                       },
                       nullptr,
                       [self, valid] {
                           if (!valid((*self)[0], self->piece())) return false;
                           std::uint8_t& middle = (*self)[0][self->piece() / 2];
                           const std::uint8_t before = std::exchange(middle, std::uint8_t{0xFF});
                           const bool wrong = valid((*self)[0], self->piece());
                           middle = before;
                           return !wrong;
                       }});
    }
}

// --- The opening handshake

/// As a browser sends it.
inline const std::string handshake_request =
    "GET /chat HTTP/1.1\r\n"
    "Host: localhost:3000\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) "
    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0\r\n"
    "Upgrade: websocket\r\n"
    "Origin: http://localhost:3000\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "\r\n";
inline const std::string handshake_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; // RFC 6455 1.3

/// \param run called with a string to write the result to; \param check looks at it.
template <typename Run, typename Check>
void add_handshake(works& all, const char* of, const char* who, Run run, Check check) {
    constexpr std::size_t count = 16;
    const auto out = std::make_shared<std::string>();
    all.push_back({"handshake", of, who, count, count * handshake_request.size(),
                   [out, run] {
                       for (std::size_t i = 0; i < count; ++i) {
                           run(*out);
                           keep(out->data());
                       }
                   },
                   nullptr, [out, check] { return check(*out); }});
}

/// \param answer called with a string to write the answer to.
template <typename Answer> void add_handshake(works& all, const char* who, Answer answer) {
    add_handshake(all, "request and answer", who, answer, [](const std::string& out) {
        return out.compare(0, 12, "HTTP/1.1 101") == 0 &&
               out.find(handshake_accept) != std::string::npos;
    });
}

} // namespace codec

#endif
