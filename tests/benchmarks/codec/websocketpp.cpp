// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// websocketpp's codec: its processor of RFC 6455, with the configurations that its documentation
// starts from, but for the client's masking keys: those are whatever is cheapest, in its favour, as
// it asks std::random_device for each, which can take longer than all the rest. It compiles up to
// C++17.

#define _WEBSOCKETPP_CPP11_STL_

#include <websocketpp/config/core.hpp>
#include <websocketpp/config/core_client.hpp>
#include <websocketpp/frame.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/utf8_validator.hpp>

#include "codec.hpp"

namespace codec {

namespace {

namespace wspp = websocketpp;

struct client_config : wspp::config::core_client {
    struct rng_type {
        std::uint32_t operator()() { return number = number * 1664525 + 1013904223; }
        std::uint32_t number = 1;
    };
};

template <typename Config, bool Server> struct endpoint {
    using message_manager = typename Config::con_msg_manager_type;
    typename Config::rng_type random;
    std::shared_ptr<message_manager> messages = std::make_shared<message_manager>();
    wspp::processor::hybi13<Config> processor{false, Server, messages, random};
};

template <typename Config, bool Server> struct parser : endpoint<Config, Server> {
    void operator()(std::uint8_t* data, std::size_t size, sink& out) {
        std::error_code error;
        while (size != 0) {
            const std::size_t used = this->processor.consume(data, size, error);
            if (error) return;
            data += used;
            size -= used;
            if (!this->processor.ready()) continue;
            const auto message = this->processor.get_message();
            const std::string& payload = message->get_payload();
            out.take(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
        }
    }
};

// What its connection does to send: a message for the payload, and one for the frame.
template <typename Config, bool Server> struct encoder : endpoint<Config, Server> {
    void operator()(const frames& wanted, output& out) {
        namespace opcode = wspp::frame::opcode;
        const opcode::value op = wanted.kind().text ? opcode::text : opcode::binary;
        for (std::size_t i = 0; i < wanted.count(); ++i) {
            const auto message = this->messages->get_message(op, wanted.kind().size);
            message->append_payload(wanted.payload(i), wanted.kind().size);
            const auto frame = this->messages->get_message();
            if (this->processor.prepare_data_frame(message, frame)) return;
            out.append(frame->get_header().data(), frame->get_header().size());
            out.append(frame->get_payload().data(), frame->get_payload().size());
        }
    }
};

void mask(std::uint8_t* data, std::size_t size) {
    wspp::frame::masking_key_type key;
    std::memcpy(key.c, mask_octets.data(), 4);
    wspp::frame::word_mask_circ(data, size, wspp::frame::prepare_masking_key(key));
}

bool is_utf8(const std::uint8_t* data, std::size_t size) {
    wspp::utf8_validator::validator validator;
    return validator.decode(data, data + size) && validator.complete();
}

struct answer {
    void operator()(std::string& out) const {
        wspp::http::parser::request request;
        wspp::http::parser::response response;
        request.consume(handshake_request.data(), handshake_request.size());
        const auto& processor = server->processor;
        if (!wspp::processor::is_websocket_handshake(request) ||
            wspp::processor::get_websocket_version(request) != 13 ||
            processor.validate_handshake(request) ||
            processor.process_handshake(request, "", response)) {
            return;
        }
        response.set_version("HTTP/1.1");
        response.set_status(wspp::http::status_code::switching_protocols);
        out = processor.get_raw(response);
    }
    std::shared_ptr<endpoint<wspp::config::core, true>> server =
        std::make_shared<endpoint<wspp::config::core, true>>();
};

} // namespace

void add_websocketpp(works& all) {
    using server = wspp::config::core;
    using client = client_config;
    add_parser<parser<server, true>>(all, true, "websocketpp");
    add_parser<parser<client, false>>(all, false, "websocketpp");
    add_encoder<encoder<server, true>>(all, true, "websocketpp");
    add_encoder<encoder<client, false>>(all, false, "websocketpp");
    add_mask(all, "websocketpp", mask);
    add_utf8(all, "websocketpp", is_utf8);
    add_handshake(all, "websocketpp", answer());
}

} // namespace codec
