// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client made of libwebsockets: see conversation.hpp.
// It cannot tell how the peer answered its own Close frame: libwebsockets has no callback for that.

#include "conversation.hpp"

#include <libwebsockets.h>

#include <cstring>
#include <functional>
#include <optional>
#include <utility>

namespace {

constexpr int end_connection = -1;

/// One connection. libwebsockets asks for data when it can be written, and returning
/// `end_connection` from `on_writable` or `on_message` sends the Close frame.
class client {
public:
    client() {
        static constexpr lws_protocols protocols[] = {
            {"", &client::callback, 0, 64 << 10, 0, nullptr, 0},
            {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
        lws_set_log_level(0, nullptr);
        lws_context_creation_info info{};
        info.port = CONTEXT_PORT_NO_LISTEN;
        info.protocols = protocols;
        info.options = LWS_SERVER_OPTION_VALIDATE_UTF8;
        info.user = this;
        context_ = lws_create_context(&info);
        peers::check(context_ != nullptr, "the context of libwebsockets");
    }
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client() { lws_context_destroy(context_); }

    void run(const peers::address& to, const char* subprotocols = nullptr) {
        const std::string authority = to.authority();
        lws_client_connect_info info{};
        info.context = context_;
        info.address = to.host.c_str();
        info.port = std::stoi(to.port);
        info.path = to.target.c_str();
        info.host = authority.c_str();
        info.protocol = subprotocols;
        info.local_protocol_name = "";
        info.ietf_version_or_minus_one = -1;
        lws_client_connect_via_info(&info);
        while (!ended_ && lws_service(context_, 0) >= 0) {
        }
        if (error_) std::rethrow_exception(error_);
        peers::check(ended_, "the event loop ended");
    }

    void write_soon() {
        write_wanted_ = true;
        lws_callback_on_writable(wsi_);
    }
    void write(std::string_view bytes, int kind) {
        std::string buffer(LWS_PRE, '\0');
        buffer += bytes;
        auto* at = reinterpret_cast<unsigned char*>(buffer.data()) + LWS_PRE;
        const int written =
            lws_write(wsi_, at, bytes.size(), static_cast<lws_write_protocol>(kind));
        peers::check(written >= static_cast<int>(bytes.size()), "sending");
    }
    void write(const peers::data& message) {
        write(message.bytes, message.text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
    }
    [[nodiscard]] int close(int code, std::string_view reason) {
        std::string copy(reason);
        lws_close_reason(wsi_, static_cast<lws_close_status>(code),
                         reinterpret_cast<unsigned char*>(copy.data()), copy.size());
        return end_connection;
    }

    struct close_frame {
        int code;
        std::string reason;
    };
    std::optional<close_frame> closed_by_peer;
    std::string subprotocol;
    std::string pong;
    std::function<void()> on_open;
    std::function<int()> on_writable;
    std::function<int(bool text, const std::string& bytes)> on_message;

private:
    static int callback(lws* wsi, lws_callback_reasons why, void*, void* in, size_t size) {
        auto& self = *static_cast<client*>(lws_context_user(lws_get_context(wsi)));
        try {
            return self.handle(wsi, why, static_cast<const char*>(in), size);
        } catch (...) {
            if (!self.error_) self.error_ = std::current_exception();
            self.ended_ = true;
            return end_connection;
        }
    }

    int handle(lws* wsi, lws_callback_reasons why, const char* in, size_t size) {
        switch (why) {
        case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH: {
            char value[64] = "";
            lws_hdr_copy(wsi, value, sizeof value, WSI_TOKEN_PROTOCOL);
            subprotocol = value;
            return 0;
        }
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
            wsi_ = wsi;
            on_open();
            return 0;
        case LWS_CALLBACK_CLIENT_RECEIVE: {
            received_.append(in, size);
            if (lws_is_final_fragment(wsi) == 0 || lws_remaining_packet_payload(wsi) != 0) {
                return 0;
            }
            const std::string whole = std::exchange(received_, {});
            return on_message(lws_frame_is_binary(wsi) == 0, whole);
        }
        case LWS_CALLBACK_CLIENT_RECEIVE_PONG: pong.assign(in, size); return 0;
        case LWS_CALLBACK_CLIENT_WRITEABLE:
            // It also tells when what it could not send at once has left.
            return std::exchange(write_wanted_, false) ? on_writable() : 0;
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
            peers::check(size >= 2, "a Close frame without a code");
            const auto byte = [&](size_t i) { return static_cast<unsigned char>(in[i]); };
            closed_by_peer = {byte(0) << 8 | byte(1), std::string(in + 2, size - 2)};
            return 0;
        }
        case LWS_CALLBACK_CLIENT_CLOSED: ended_ = true; return 0;
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
            throw std::runtime_error(in != nullptr ? in : "the connection failed");
        default: return 0;
        }
    }

    lws_context* context_ = nullptr;
    lws* wsi_ = nullptr;
    std::string received_;
    std::exception_ptr error_;
    bool write_wanted_ = false;
    bool ended_ = false;
};

void exchange_messages(const peers::address& to) {
    std::vector<peers::data> messages = peers::messages();
    const std::size_t fragmented = messages.size();
    messages.push_back({true, peers::whole_message});
    enum class part { whole, ping, first, last, close } part = part::whole;
    std::size_t next = 0;
    client c;
    c.on_open = [&] {
        peers::check(c.subprotocol == "echo", "the subprotocol");
        c.write_soon();
    };
    // One write a call: libwebsockets says when the next one may be done.
    c.on_writable = [&] {
        switch (part) {
        case part::whole: c.write(messages[next]); return 0;
        case part::ping:
            c.write("p", LWS_WRITE_PING);
            part = part::first;
            break;
        case part::first:
            c.write(peers::first_fragment, LWS_WRITE_TEXT | LWS_WRITE_NO_FIN);
            part = part::last;
            break;
        case part::last: c.write(peers::last_fragment, LWS_WRITE_CONTINUATION); return 0;
        case part::close: return c.close(4000, "done");
        }
        c.write_soon();
        return 0;
    };
    c.on_message = [&](bool text, const std::string& bytes) {
        peers::check_echo(messages.at(next++), text, bytes);
        if (next == fragmented) part = part::ping;
        if (next == messages.size()) {
            peers::check(c.pong == "p", "the Pong");
            part = part::close;
        }
        c.write_soon();
        return 0;
    };
    c.run(to, "other,echo");
    peers::check(next == messages.size(), "the number of echoes");
    peers::check(!c.closed_by_peer, "the server closed");
}

void let_the_server_close(const peers::address& to) {
    client c;
    c.on_open = [&] { c.write_soon(); };
    c.on_writable = [&] {
        c.write({true, "please close"});
        return 0;
    };
    c.on_message = [](bool, const std::string&) {
        peers::check(false, "the peer was to close");
        return 0;
    };
    c.run(to);
    peers::check(c.closed_by_peer && c.closed_by_peer->code == 4001 &&
                     c.closed_by_peer->reason == "bye",
                 "how the server closes");
}

void close_normally(const peers::address& to) {
    client c;
    c.on_open = [&] { c.write_soon(); };
    c.on_writable = [&] { return c.close(1000, ""); };
    c.run(to);
    peers::check(!c.closed_by_peer, "the server closed");
}

void run(const char* url, bool plain) {
    const peers::address to(url);
    exchange_messages(to);
    if (!plain) let_the_server_close(to);
    close_normally(to);
}

} // namespace

int main(int argc, char** argv) { return peers::client_main(argc, argv, run); }
