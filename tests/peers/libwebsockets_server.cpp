// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server made of libwebsockets: see obedience.hpp.
// What closes is told from the client's Close frame alone: libwebsockets has no callback for the
// answer to its own.

#include "obedience.hpp"

#include <libwebsockets.h>

#include <cstdlib>
#include <deque>
#include <string>
#include <unordered_map>

namespace {

constexpr int end_connection = -1;

struct outgoing {
    lws_write_protocol kind;
    std::string bytes;
};
struct connection {
    std::string received;
    std::deque<outgoing> waiting;
    bool close = false;
};
std::unordered_map<lws*, connection> connections;

void send_soon(lws* wsi, lws_write_protocol kind, std::string bytes) {
    connections[wsi].waiting.push_back({kind, std::move(bytes)});
    lws_callback_on_writable(wsi);
}

int receive(lws* wsi, const char* in, size_t size) {
    connection& c = connections[wsi];
    c.received.append(in, size);
    if (lws_is_final_fragment(wsi) == 0 || lws_remaining_packet_payload(wsi) != 0) return 0;
    std::string message = std::move(c.received);
    c.received.clear();
    const bool text = lws_frame_is_binary(wsi) == 0;
    switch (peers::wish_of(text, message)) {
    case peers::wish::ping: send_soon(wsi, LWS_WRITE_PING, "from the server"); return 0;
    case peers::wish::close:
        c.close = true;
        lws_callback_on_writable(wsi);
        return 0;
    case peers::wish::vanish:
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
        return end_connection;
    case peers::wish::echo: break;
    }
    send_soon(wsi, text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY, std::move(message));
    return 0;
}

int write_one(lws* wsi) {
    connection& c = connections[wsi];
    if (c.waiting.empty()) {
        if (!c.close) return 0;
        unsigned char reason[] = {'b', 'y', 'e'};
        lws_close_reason(wsi, static_cast<lws_close_status>(4001), reason, sizeof reason);
        return end_connection;
    }
    const outgoing next = std::move(c.waiting.front());
    c.waiting.pop_front();
    std::string buffer(LWS_PRE, '\0');
    buffer += next.bytes;
    auto* at = reinterpret_cast<unsigned char*>(buffer.data()) + LWS_PRE;
    if (lws_write(wsi, at, next.bytes.size(), next.kind) < 0) return end_connection;
    lws_callback_on_writable(wsi);
    return 0;
}

int callback(lws* wsi, lws_callback_reasons why, void*, void* data, size_t size) {
    const auto* in = static_cast<const char*>(data);
    switch (why) {
    case LWS_CALLBACK_RECEIVE: return receive(wsi, in, size);
    case LWS_CALLBACK_SERVER_WRITEABLE: return write_one(wsi);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
        if (size < 2) return peers::say_closed(1005, ""), 0;
        const auto byte = [&](size_t i) { return static_cast<unsigned char>(in[i]); };
        peers::say_closed(unsigned{byte(0)} << 8 | byte(1), std::string(in + 2, size - 2).c_str());
        return 0;
    }
    case LWS_CALLBACK_CLOSED: connections.erase(wsi); return 0;
    default: return 0;
    }
}

} // namespace

int main() {
    // It takes the subprotocol whose name stands here; without an offer, the first entry.
    static constexpr lws_protocols protocols[] = {{"echo", callback, 0, 64 << 10, 0, nullptr, 0},
                                                  {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
    lws_set_log_level(LLL_ERR, nullptr);
    lws_context_creation_info info{};
    info.port = 0;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_IPV6 |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    lws_context* const context = lws_create_context(&info);
    lws_vhost* const host = context != nullptr ? lws_create_vhost(context, &info) : nullptr;
    if (host == nullptr) return EXIT_FAILURE;
    peers::say_port(static_cast<unsigned>(lws_get_vhost_listen_port(host)));
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
}
