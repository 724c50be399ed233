// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A stream under test, from the opening handshake on, with a far end that speaks the protocol by
// hand and a clock that the test moves.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_CONNECTED_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_CONNECTED_HPP

#include <framewire/asio/client_stream.hpp>
#include <framewire/asio/server_stream.hpp>
#include <framewire/handshake/key.hpp>

#include "fake_clock.hpp"
#include "support/peer.hpp"
#include "support/trace.hpp"
#include "test_stream.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace framewire::test {

using namespace std::chrono_literals;

// --- The opening handshake as it stands on the wire

/// A request for a WebSocket connection; `extra` are further field lines.
inline std::string request_head(std::string_view extra = {}, std::string_view target = "/") {
    return "GET " + std::string(target) +
           " HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           std::string(extra) + "\r\n";
}

/// The value of a field in a head; empty when it is not there.
inline std::string field_of(std::string_view head, std::string_view name) {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(start);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = head.substr(at + start.size());
    return std::string(rest.substr(0, rest.find("\r\n")));
}

/// The answer that opens the connection which `request` asks for.
inline std::string response_head(std::string_view request, std::string_view extra = {}) {
    const auto accept = accept_key(field_of(request, "Sec-WebSocket-Key"));
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           std::string(accept.data(), accept.size()) + "\r\n" + std::string(extra) + "\r\n";
}

// --- What handlers were told

/// What a handler was called with, and how often.
struct completion {
    int calls = 0;
    error_code error;

    /// A handler that notes it: `void(error_code)`.
    auto handler() {
        return [this](const error_code& e) { note(e); };
    }
    void note(const error_code& e) {
        ++calls;
        error = e;
    }
    /// Called once, without an error.
    [[nodiscard]] bool done() const { return calls == 1 && !error; }
    /// Called once, with this error.
    template <typename Error> [[nodiscard]] bool failed(Error with) const {
        return calls == 1 && error == with;
    }
};

/// The same for `read`. The message is a copy; `view` is what the stream gave.
struct read_completion : completion {
    std::string text;
    net::message view;

    auto handler() {
        return [this](const error_code& e, const net::message& m) {
            note(e);
            view = m;
            text = m.text();
        };
    }
};

/// The same for `closed` and `close`.
struct close_completion : completion {
    net::close_info info;

    auto handler() {
        return [this](const error_code& e, net::close_info i) {
            note(e);
            info = std::move(i);
        };
    }
};

/// The same for `ping`.
struct ping_completion : completion {
    std::chrono::nanoseconds time{};

    auto handler() {
        return [this](const error_code& e, std::chrono::nanoseconds t) {
            note(e);
            time = t;
        };
    }
};

/// Reads one message after the other, until there is an error.
class reader {
public:
    template <typename Stream> void start(Stream& stream) {
        stream.read([this, &stream](const error_code& e, const net::message& m) {
            if (e) {
                ++ends;
                error = e;
                return;
            }
            ++messages;
            if (telling) {
                if (!told.empty()) told += ' ';
                told += m.is_text() ? "text" : m.kind == opcode::binary ? "binary" : "control";
                told += "(\"" + shown(m.text()) + "\")";
            }
            if (on_message) on_message(m);
            if (going) start(stream);
        });
    }

    std::string told; ///< As in trace.hpp: `text("a") binary("b")`.
    std::size_t messages = 0;
    int ends = 0;
    error_code error;
    bool going = true;   ///< Reads the next one.
    bool telling = true; ///< Keeps what was told.
    std::function<void(const net::message&)> on_message;
};

// --- A connection

inline net::server_options server_options_of(const net::stream_options& options) {
    return {.origins = net::origin_policy::any(), .stream = options};
}

/// An open stream and its far end. With `permessage_deflate` as the extension, both have agreed on
/// it with its defaults; the far end may use it or not.
template <role Role, typename Transport, options Options = options{},
          message_extension Extension = no_extension>
class connected {
public:
    static constexpr role side = Role;
    static constexpr bool is_server = Role == role::server;
    static constexpr bool deflates = !std::is_same_v<Extension, no_extension>;
    using transport_type = Transport;
    using extension_type = Extension;
    using stream_type =
        std::conditional_t<is_server, net::server_stream<Transport, Options, Extension, fake_clock>,
                           net::client_stream<Transport, Options, Extension, fake_clock>>;

    struct not_open_yet {};

    /// One whose handshake has not begun.
    explicit connected(not_open_yet /*unused*/, const net::stream_options& options = {}) {
        Transport transport(events.context);
        far = transport.other_end();
        if constexpr (is_server) {
            stream.emplace(std::move(transport), server_options_of(options));
        } else {
            stream.emplace(std::move(transport), options);
        }
    }
    /// An open one. `behind` stands on the wire right behind the far end's head.
    explicit connected(const net::stream_options& options = {}, std::string_view behind = {})
        : connected(not_open_yet{}, options) {
        completion opened;
        if constexpr (is_server) {
            stream->read_request([&](const error_code& e, const upgrade_request&) {
                if (e) return opened.note(e);
                stream->accept({}, opened.handler());
            });
            far.write(request_head(extensions) + std::string(behind));
            poll();
            (void)far.read();
        } else {
            stream->handshake({.host = "example.org"}, opened.handler());
            poll();
            far.write(response_head(far.read(), extensions) + std::string(behind));
            poll();
        }
        if (!opened.done()) throw std::runtime_error("the handshake failed");
    }

    void poll() { events.poll(); }
    void advance(fake_clock::duration by) {
        fake_clock::advance(by);
        poll();
    }

    /// Frames as the far end writes them.
    [[nodiscard]] static frame_writer frames() { return frame_writer(Role); }
    /// Lets frames arrive, and runs what follows from it.
    void receive(const frame_writer& frames) { receive(frames.str()); }
    void receive(std::string_view bytes) {
        far.write(bytes);
        poll();
    }
    /// What was sent since the last call, in words as in trace.hpp.
    std::string sent() {
        poll();
        std::string out;
        // Reading makes room in the pipe.
        while (!far.waiting().empty()) {
            half_frame_ += far.read();
            poll();
        }
        return words(take_frames(half_frame_), Role);
    }
    /// True when less than a frame is left of what was sent.
    [[nodiscard]] bool cut_off() const { return !half_frame_.empty(); }
    /// The far end finishes the connection as it should, once this side has sent its Close.
    void answer_close(unsigned code = 1000) {
        receive(frames().close(code));
        far.end();
        poll();
    }

    loop events;
    peer far;
    std::optional<stream_type> stream; // ends first

private:
    // What the far end offers, or answers.
    static constexpr std::string_view extensions =
        deflates ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "";

    std::string half_frame_;
};

using server_end = connected<role::server, test_stream>;
using client_end = connected<role::client, test_stream>;
using waitable_server_end = connected<role::server, waitable_test_stream>;
using waitable_client_end = connected<role::client, waitable_test_stream>;

} // namespace framewire::test

#endif
