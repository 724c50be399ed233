// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on libwebsockets, with permessage-deflate for clients that offer it.

#include <libwebsockets.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>

namespace {

// What a connection has received, and what it has to send: a message each.
struct session {
    struct message {
        lws_write_protocol kind;
        std::string bytes; // behind LWS_PRE octets, which the library writes its header to
    };
    std::string received;
    std::deque<message> waiting;
};

int receive(lws* wsi, session& self, const char* in, std::size_t size) {
    if (self.received.empty()) self.received.assign(LWS_PRE, '\0');
    self.received.append(in, size);
    if (lws_is_final_fragment(wsi) == 0 || lws_remaining_packet_payload(wsi) != 0) return 0;
    const bool binary = lws_frame_is_binary(wsi) != 0;
    self.waiting.push_back({binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT, std::move(self.received)});
    self.received.clear();
    lws_callback_on_writable(wsi);
    return 0;
}

// One message each time: so its documentation wants it.
int write(lws* wsi, session& self) {
    if (self.waiting.empty()) return 0;
    session::message next = std::move(self.waiting.front());
    self.waiting.pop_front();
    auto* const begin = reinterpret_cast<unsigned char*>(next.bytes.data()) + LWS_PRE;
    if (lws_write(wsi, begin, next.bytes.size() - LWS_PRE, next.kind) < 0) return -1;
    if (!self.waiting.empty()) lws_callback_on_writable(wsi);
    return 0;
}

int callback(lws* wsi, lws_callback_reasons why, void* user, void* data, std::size_t size) {
    auto* const slot = static_cast<session**>(user);
    switch (why) {
    case LWS_CALLBACK_ESTABLISHED: *slot = new session; return 0;
    case LWS_CALLBACK_CLOSED:
        delete *slot;
        *slot = nullptr;
        return 0;
    case LWS_CALLBACK_RECEIVE: return receive(wsi, **slot, static_cast<const char*>(data), size);
    case LWS_CALLBACK_SERVER_WRITEABLE: return write(wsi, **slot);
    default: return 0;
    }
}

} // namespace

int main(int argc, char** argv) {
    static constexpr lws_protocols protocols[] = {
        {"echo", callback, sizeof(session*), 64 << 10, 0, nullptr, 0},
        {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
    static constexpr lws_extension extensions[] = {
        {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
        {nullptr, nullptr, nullptr}};
    lws_set_log_level(LLL_ERR, nullptr);
    lws_context_creation_info info{};
    info.port = argc > 1 ? std::atoi(argv[1]) : 0;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    info.extensions = extensions;
    info.options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_IPV6 |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    lws_context* const context = lws_create_context(&info);
    lws_vhost* const host = context != nullptr ? lws_create_vhost(context, &info) : nullptr;
    if (host == nullptr) return EXIT_FAILURE;
    std::printf("listening on %d\n", lws_get_vhost_listen_port(host));
    std::fflush(stdout);
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
}
