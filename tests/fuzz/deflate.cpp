// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Compressed messages: intact ones, bombs, corrupted streams and any bytes, with any parameters,
// against zlib by itself. What is told is what zlib makes of it, within the limits and for no more
// memory than they allow.

#include "support/deflate.hpp"
#include "fuzz.hpp"
#include "memory.hpp"
#include "support/utf8.hpp"

using namespace framewire;
using namespace framewire::test;

namespace {

struct setting {
    bool client = false;
    bool streams = false;
    bool takes_over = false; // the peer keeps its window
    int window_bits = 15;    // of the peer
    std::uint64_t max_message_size = 0;
};

struct sent_message {
    bool text = false;
    bool intact = true;                 // a peer may send it
    std::optional<std::string> meaning; // what zlib makes of it
};

// RFC 7692 7.1: as they stand in an answer. What this side sends does not matter here.
std::string parameters_of(const setting& s) {
    const std::string peer = s.client ? "; server" : "; client";
    std::string out = peer + "_max_window_bits=" + std::to_string(s.window_bits);
    if (!s.takes_over) out += peer + "_no_context_takeover";
    return out;
}

class conversation {
public:
    conversation(fuzz_input& input, const setting& s)
        : setting_(s), writer_(s.client ? role::client : role::server),
          compress_(s.window_bits, static_cast<int>(input.octet() % 10),
                    input.octet() % 4 == 0 ? Z_FIXED : Z_DEFAULT_STRATEGY),
          decompress_(s.window_bits) {
        while (!input.empty() && sent.size() < 8)
            add(input);
        wire = writer_.bytes();
    }

    std::vector<sent_message> sent;
    std::vector<std::byte> wire;

private:
    void add(fuzz_input& input) {
        const unsigned how = input.octet();
        const std::size_t size = input.octet() | (how & 0x80) << 1;
        std::string content = input.text(size);
        sent_message message;
        message.text = (how & 1) != 0;
        const unsigned kind = (how >> 1) % 8;
        if (kind == 7) { // not compressed at all
            message.meaning = content;
            put(message, content, 0, how);
            return;
        }
        std::string encoded = content;
        if (kind == 0) {
            message.intact = false; // any bytes
        } else {
            if (kind == 1) { // a bomb
                const std::size_t times = (input.octet() + 1) * 64;
                for (std::size_t i = 0; i < times && encoded.size() < 150'000; ++i)
                    encoded += content;
            }
            encoded = kind == 2 ? compress_.final_message(encoded) : compress_.message(encoded);
            if (!setting_.takes_over) compress_.begin_anew();
            if (kind == 3 && !encoded.empty()) { // corrupted
                const std::size_t at = (input.octet() | input.octet() << 8) % encoded.size();
                encoded[at] = static_cast<char>(input.octet());
                message.intact = false;
            }
            if (kind == 4) { // cut
                encoded.resize(encoded.size() -
                               std::min<std::size_t>(encoded.size(), input.octet()));
                message.intact = false;
            }
        }
        // Behind a window that is not the sender's, what follows is not either.
        if (setting_.takes_over) {
            disturbed_ = disturbed_ || !message.intact;
            message.intact = !disturbed_;
        }
        message.meaning = decompress_.message(encoded);
        if (!decompress_.whole()) message.meaning.reset();
        if (!setting_.takes_over) decompress_.begin_anew();
        put(message, encoded, 4, how);
    }

    // In one frame or in some.
    void put(const sent_message& message, const std::string& encoded, unsigned rsv, unsigned how) {
        sent.push_back(message);
        const std::size_t frames = (how >> 4) % 8 + 1;
        const std::size_t each = encoded.size() / frames;
        for (std::size_t i = 0; i < frames; ++i) {
            const unsigned op = i == 0 ? (message.text ? 1u : 2u) | rsv << 4 : 0;
            const bool last = i + 1 == frames;
            writer_.frame(
                (last ? 0x80u : 0u) | op,
                std::string_view(encoded).substr(i * each, last ? std::string_view::npos : each));
        }
    }

    setting setting_;
    bool disturbed_ = false;
    frame_writer writer_;
    compressing_peer compress_;
    decompressing_peer decompress_;
};

struct heard {
    std::vector<std::string> messages;
    errc error = errc::success;

    [[nodiscard]] std::string words() const {
        std::string out;
        for (const std::string& one : messages)
            out += std::to_string(one.size()) + ":" + one + ",";
        return out + std::string(message(error));
    }
};

template <role Role, options Options>
heard hear(const conversation& c, const setting& s, cutting cut) {
    heard out;
    endpoint<Role, Options, permessage_deflate> end(limits{.max_message_size = s.max_message_size},
                                                    agreed(Role, parameters_of(s)));
    held_memory memory;
    std::string collected;
    bool over = false;
    for (const std::span<std::byte> piece : cut(c.wire)) {
        std::span<std::byte> in = piece;
        for (;;) {
            const event e = memory([&] { return end->next(in); });
            if (e.kind == event_kind::need_data) break;
            require(!over, "nothing is told behind the end");
            if (e.kind == event_kind::failed) {
                out.error = e.error;
                over = true;
                continue;
            }
            require(e.kind == event_kind::text || e.kind == event_kind::binary, "messages");
            collected += e.text();
            require(collected.size() <= s.max_message_size, "no more than the limit");
            if (!e.last) continue;
            require(out.messages.size() < c.sent.size() &&
                        c.sent[out.messages.size()].text == (e.kind == event_kind::text),
                    "text is text");
            out.messages.push_back(collected);
            collected.clear();
        }
    }
    // A message, twice of it while its room grows; four decompressors that the thread keeps; the
    // Close frame.
    const auto limit =
        static_cast<std::int64_t>(Options.stream_messages ? 65'536 * 2 + 4096 : s.max_message_size);
    require(memory.peak() <= 2 * limit + 4 * 45'000 + 8192, "memory is bounded by the limit");
    return out;
}

void check(const conversation& c, const setting& s, const heard& h) {
    for (std::size_t i = 0; i < h.messages.size(); ++i) {
        const sent_message& sent = c.sent[i];
        if (!sent.meaning && has_libdeflate) continue; // see permessage_deflate
        require(sent.meaning.has_value(), "what zlib refuses is refused");
        require_same(h.messages[i], *sent.meaning, "a message is what zlib makes of it");
    }
    if (h.messages.size() == c.sent.size()) return require(h.error == errc::success, "no failure");
    const sent_message& sent = c.sent[h.messages.size()];
    const bool known = sent.meaning.has_value();
    bool utf8 = true;
    if (known && sent.text) {
        const auto bytes = std::as_bytes(std::span(*sent.meaning));
        utf8 = utf8_by_arithmetic(bytes).whole == bytes.size();
    }
    switch (h.error) {
    case errc::extension_data_invalid: return require(!sent.intact, "intact streams are accepted");
    case errc::message_too_big:
        return require(!known || sent.meaning->size() > s.max_message_size,
                       "what keeps the limit is accepted");
    case errc::text_not_utf8: return require(sent.text && (!known || !utf8), "UTF-8 is accepted");
    default: require(false, "why a message fails");
    }
}

template <role Role, options Options>
heard fuzz(const conversation& c, const setting& s, std::uint32_t seed) {
    heard result;
    bool intact = true;
    for (const sent_message& one : c.sent)
        intact = intact && one.intact;
    const auto run = [&](cutting cut) {
        result = hear<Role, Options>(c, s, cut);
        check(c, s, result);
        return result.words();
    };
    if (intact || !has_libdeflate) {
        (void)same_however_cut(seed, "messages do not depend on the pieces", run);
    } else {
        (void)run(cutting{});
        (void)run(cutting{cutting::kind::random, seed});
    }
    return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const unsigned flags = input.octet();
    setting s;
    s.client = (flags & 1) != 0;
    s.streams = (flags & 2) != 0;
    s.takes_over = (flags & 4) != 0;
    s.window_bits = static_cast<int>(9 + (flags >> 3) % 7);
    static constexpr std::uint64_t sizes[] = {0, 1, 100, 1000, 5000, 20'000, 65'536, 100'000};
    s.max_message_size = sizes[input.octet() % 8];
    const std::uint32_t seed = input.octet();
    const conversation c(input, s);
    constexpr options streaming{.stream_messages = true};
    if (s.client && s.streams)
        (void)fuzz<role::client, streaming>(c, s, seed);
    else if (s.client)
        (void)fuzz<role::client, options{}>(c, s, seed);
    else if (s.streams)
        (void)fuzz<role::server, streaming>(c, s, seed);
    else
        (void)fuzz<role::server, options{}>(c, s, seed);
    return 0;
}
