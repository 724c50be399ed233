// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a connection tells and what it sends, as text: `text("Hello") ping("") close(1000 "bye")`.

#ifndef FRAMEWIRE_TESTS_SUPPORT_TRACE_HPP
#define FRAMEWIRE_TESTS_SUPPORT_TRACE_HPP

#include <framewire/connection.hpp>

#include "chunker.hpp"
#include "peer.hpp"

#include <array>
#include <cstddef>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::test {

/// Printable ASCII as it is, other bytes as \x hexadecimal; long runs are cut with their size.
inline std::string shown(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, 160)) {
        const auto value = static_cast<unsigned char>(c);
        if (value >= 0x20 && value < 0x7F) {
            out += c;
        } else {
            out += "\\x";
            out += digits[value >> 4];
            out += digits[value & 15];
        }
    }
    if (text.size() > 160) out += "...[" + std::to_string(text.size()) + "]";
    return out;
}

/// Puts events into words. The pieces of a streamed message are joined, so that the words do not
/// depend on where the transport cut them: `binary("ab` until the piece that is last.
class trace {
public:
    void add(const event& e) {
        switch (e.kind) {
        case event_kind::need_data: return;
        case event_kind::text: return data("text", e);
        case event_kind::binary: return data("binary", e);
        case event_kind::ping: return word("ping(\"" + shown(e.text()) + "\")");
        case event_kind::pong: return word("pong(\"" + shown(e.text()) + "\")");
        case event_kind::close:
            return word("close(" + code_of(e) + " \"" + shown(e.text()) + "\")");
        case event_kind::failed:
            return word("failed(" + code_of(e) + " " + std::string(message(e.error)) + ")");
        }
        word("unknown event");
    }

    [[nodiscard]] const std::string& str() const { return out_; }

private:
    static std::string code_of(const event& e) {
        return std::to_string(static_cast<unsigned>(e.code));
    }
    void word(const std::string& text) {
        if (!out_.empty()) out_ += ' ';
        out_ += text;
    }
    void data(const char* kind, const event& e) {
        if (e.first == inside_) throw std::logic_error("first is told wrongly");
        collected_ += e.text();
        inside_ = !e.last;
        if (!e.last) return;
        word(std::string(kind) + "(\"" + shown(collected_) + "\")");
        collected_.clear();
    }

    std::string out_;
    std::string collected_;
    bool inside_ = false;
};

/// Frames in words: `text("a")`, fragments `text-("a") cont-("b") cont("c")`, `close(1000 "")`,
/// an empty Close `close()`, reserved bits `text/4("a")`. Throws when a frame is not masked as
/// `sender` has to.
inline std::string words(const std::vector<wire_frame>& frames, role sender) {
    static constexpr std::array<const char*, 16> names{
        "cont",  "text", "binary", "?3",  "?4",  "?5",  "?6",  "?7",
        "close", "ping", "pong",   "?11", "?12", "?13", "?14", "?15"};
    std::string out;
    for (const wire_frame& frame : frames) {
        if (frame.masked != (sender == role::client)) throw std::runtime_error("wrong masking");
        if (!out.empty()) out += ' ';
        out += names[frame.op()];
        if (frame.rsv() != 0) out += "/" + std::to_string(frame.rsv());
        if (!frame.fin()) out += '-';
        out += '(';
        std::string_view payload = frame.payload;
        if (frame.op() == 8) {
            if (payload.size() >= 2) {
                const unsigned high = static_cast<unsigned char>(payload[0]);
                out += std::to_string(high << 8 | static_cast<unsigned char>(payload[1]));
                out += " \"" + shown(payload.substr(2)) + "\"";
            }
        } else {
            out += "\"" + shown(payload) + "\"";
        }
        out += ')';
    }
    return out;
}

/// A connection with what it needs to live: for a client, the source of its masking keys.
template <role Role, options Options = options{}, message_extension Extension = no_extension>
class endpoint {
public:
    using connection_type = connection<Role, Options, Extension>;
    static constexpr role side = Role;

    explicit endpoint(const limits& bounds = {}, Extension extension = {})
        : keys_(seed), connection_(make(keys_, bounds, std::move(extension))) {}
    endpoint(const endpoint&) = delete;
    endpoint& operator=(const endpoint&) = delete;

    connection_type& operator*() { return connection_; }
    connection_type* operator->() { return &connection_; }

    /// Feeds one piece and notes what happens, until more is needed.
    template <class Handler> void feed(std::span<std::byte> piece, Handler&& handle) {
        for (;;) {
            const event e = connection_.next(piece);
            if (e.kind == event_kind::need_data) break;
            trace_.add(e);
            handle(e);
        }
        if (!piece.empty()) throw std::logic_error("need_data with input left");
    }
    void feed(std::span<std::byte> piece) {
        feed(piece, [](const event&) {});
    }
    template <class Handler> void feed(const chunk_list& chunks, Handler&& handle) {
        for (const std::span<std::byte> piece : chunks)
            feed(piece, handle);
    }
    void feed(const chunk_list& chunks) {
        feed(chunks, [](const event&) {});
    }
    /// Feeds what a peer wrote, in one piece of exactly its size.
    void feed(const frame_writer& written) {
        chunk_list whole;
        whole.add(written.bytes());
        feed(whole);
    }
    void eof() {
        connection_.receive_eof();
        feed(std::span<std::byte>{});
    }

    /// What was told so far.
    [[nodiscard]] const std::string& told() const { return trace_.str(); }

    /// Takes the output, all of it, and puts it into words.
    std::string sent() {
        const std::string out = words(frames_of(connection_.output()), Role);
        connection_.consume_output(connection_.output().size());
        return out;
    }

private:
    static constexpr std::array<std::byte, 32> seed{};

    static connection_type make(masking_key_source& keys, const limits& bounds,
                                Extension extension) {
        if constexpr (Role == role::client) {
            return connection_type(keys, bounds, std::move(extension));
        } else {
            return connection_type(bounds, std::move(extension));
        }
    }

    masking_key_source keys_;
    connection_type connection_;
    trace trace_;
};

using server = endpoint<role::server>;
using client = endpoint<role::client>;
using streaming_server = endpoint<role::server, options{.stream_messages = true}>;
using streaming_client = endpoint<role::client, options{.stream_messages = true}>;

/// What an endpoint told and sent for an input.
struct outcome {
    std::string told;
    std::string sent;

    friend bool operator==(const outcome&, const outcome&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const outcome& value) {
    return out << "{told: " << value.told << "; sent: " << value.sent << "}";
}

/// Runs `input` through a fresh endpoint at every split point, each time with the same outcome.
/// \returns that outcome; throws when two differ.
template <class Endpoint, class... Arguments>
outcome at_every_split(std::span<const std::byte> input, const Arguments&... arguments) {
    outcome result;
    bool any = false;
    for_each_chunking(input, [&](const chunk_list& chunks) {
        Endpoint end(arguments...);
        end.feed(chunks);
        const outcome now{end.told(), end.sent()};
        if (any && !(now == result)) {
            std::string text = "the outcome depends on the pieces (";
            for (const auto piece : chunks)
                text += std::to_string(piece.size()) + " ";
            throw std::runtime_error(text + "): " + now.told + "; " + now.sent + " instead of " +
                                     result.told + "; " + result.sent);
        }
        result = now;
        any = true;
    });
    return result;
}

template <class Endpoint, class... Arguments>
outcome at_every_split(const frame_writer& input, const Arguments&... arguments) {
    return at_every_split<Endpoint>(std::span<const std::byte>(input.bytes()), arguments...);
}

} // namespace framewire::test

#endif
