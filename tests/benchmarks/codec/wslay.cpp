// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// wslay's codec: its event interface, over memory. It leaves the handshake to others, and masking
// keys, too: here they are whatever is cheapest, in its favour.

#include "codec.hpp"

#include <wslay/wslay.h>

#include <algorithm>

namespace codec {

namespace {

struct ends {
    const std::uint8_t* next = nullptr;
    std::size_t left = 0;
    sink* messages = nullptr;
    output* out = nullptr;
    std::uint32_t key = 1;
};

ssize_t receive(wslay_event_context_ptr context, std::uint8_t* to, std::size_t size, int,
                void* user) {
    ends& self = *static_cast<ends*>(user);
    if (self.left == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size = std::min(size, self.left);
    std::memcpy(to, self.next, size);
    self.next += size;
    self.left -= size;
    return static_cast<ssize_t>(size);
}

ssize_t send(wslay_event_context_ptr, const std::uint8_t* data, std::size_t size, int, void* user) {
    static_cast<ends*>(user)->out->append(data, size);
    return static_cast<ssize_t>(size);
}

int make_key(wslay_event_context_ptr, std::uint8_t* to, std::size_t size, void* user) {
    std::uint32_t& key = static_cast<ends*>(user)->key;
    key = key * 1664525 + 1013904223;
    std::memcpy(to, &key, std::min<std::size_t>(size, 4));
    return 0;
}

void deliver(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* user) {
    static_cast<ends*>(user)->messages->take(message->msg, message->msg_length);
}

template <bool Server> class endpoint {
public:
    endpoint() {
        const wslay_event_callbacks callbacks{receive, send,    make_key, nullptr,
                                              nullptr, nullptr, deliver};
        const auto init =
            Server ? wslay_event_context_server_init : wslay_event_context_client_init;
        (void)init(&context_, &callbacks, &ends_);
    }
    endpoint(const endpoint&) = delete;
    endpoint& operator=(const endpoint&) = delete;
    ~endpoint() { wslay_event_context_free(context_); }

protected:
    wslay_event_context_ptr context_ = nullptr;
    ends ends_;
};

template <bool Server> struct parser : endpoint<Server> {
    void operator()(const std::uint8_t* data, std::size_t size, sink& out) {
        this->ends_.next = data;
        this->ends_.left = size;
        this->ends_.messages = &out;
        (void)wslay_event_recv(this->context_);
    }
};

template <bool Server> struct encoder : endpoint<Server> {
    void operator()(const frames& wanted, output& out) {
        this->ends_.out = &out;
        const std::uint8_t opcode = wanted.kind().text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME;
        for (std::size_t i = 0; i < wanted.count(); ++i) {
            const wslay_event_msg message{opcode, wanted.payload(i), wanted.kind().size};
            (void)wslay_event_queue_msg(this->context_, &message);
            (void)wslay_event_send(this->context_);
        }
    }
};

} // namespace

void add_wslay(works& all) {
    add_parser<parser<true>>(all, true, "wslay");
    add_parser<parser<false>>(all, false, "wslay");
    add_encoder<encoder<true>>(all, true, "wslay");
    add_encoder<encoder<false>>(all, false, "wslay");
}

} // namespace codec
