// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Boost.Beast's codec, which is part of its stream: over one in memory. Its masking and UTF-8 are
// what its headers keep under `detail`.

#include "codec.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>
#include <string>

namespace codec {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

asio::io_context& context() {
    static asio::io_context the_one;
    return the_one;
}

/// Reads what it was given, and ends there; keeps what is written.
class memory_stream {
public:
    using executor_type = asio::io_context::executor_type;

    [[nodiscard]] executor_type get_executor() const { return context().get_executor(); }

    void give(const void* data, std::size_t size) {
        next_ = static_cast<const std::uint8_t*>(data);
        end_ = next_ + size;
    }
    [[nodiscard]] bool is_empty() const { return next_ == end_; }
    void write_to(output* out) { out_ = out; }
    /// What an HTTP request that is written gets for an answer.
    void answer_requests() { answers_ = true; }

    template <typename Buffers> std::size_t read_some(const Buffers& buffers) {
        beast::error_code ignored;
        return read_some(buffers, ignored);
    }
    template <typename Buffers>
    std::size_t read_some(const Buffers& buffers, beast::error_code& error) {
        if (is_empty()) {
            error = asio::error::eof;
            return 0;
        }
        const std::size_t size =
            asio::buffer_copy(buffers, asio::buffer(next_, static_cast<std::size_t>(end_ - next_)));
        next_ += size;
        error = {};
        return size;
    }
    template <typename Buffers> std::size_t write_some(const Buffers& buffers) {
        beast::error_code ignored;
        return write_some(buffers, ignored);
    }
    template <typename Buffers>
    std::size_t write_some(const Buffers& buffers, beast::error_code& error) {
        error = {};
        std::size_t size = 0;
        for (const asio::const_buffer each : beast::buffers_range_ref(buffers)) {
            if (answers_) request_.append(static_cast<const char*>(each.data()), each.size());
            if (out_ != nullptr) out_->append(each.data(), each.size());
            size += each.size();
        }
        if (answers_ && request_.find("\r\n\r\n") != std::string::npos) {
            answers_ = false;
            answer_ = framewire_answer(request_);
            give(answer_.data(), answer_.size());
        }
        return size;
    }

private:
    const std::uint8_t* next_ = nullptr;
    const std::uint8_t* end_ = nullptr;
    output* out_ = nullptr;
    bool answers_ = false;
    std::string request_;
    std::string answer_;
};

void teardown(beast::role_type, memory_stream&, beast::error_code& error) { error = {}; }

using stream = websocket::stream<memory_stream>;

void open(stream& ws, bool server) {
    // On by default, which would cut 64 KiB into frames of 4 KiB.
    ws.auto_fragment(false);
    if (server) {
        ws.next_layer().give(handshake_request.data(), handshake_request.size());
        ws.accept();
    } else {
        ws.next_layer().answer_requests();
        ws.handshake("localhost", "/");
    }
}

template <bool Server> struct parser {
    parser() { open(ws, Server); }

    void operator()(const std::uint8_t* data, std::size_t size, sink& out) {
        ws.next_layer().give(data, size);
        beast::error_code error;
        std::size_t at = 0;
        for (;;) {
            at += ws.read_some(asio::buffer(payload.data() + at, payload.size() - at), error);
            if (error) break; // the end
            if (!ws.is_message_done()) continue;
            out.take(payload.data(), at);
            at = 0;
            // All that was given has been used, or is in the stream's own buffer.
            if (++seen == messages_in(data, size)) break;
        }
        seen = 0;
    }
    // Asking for one message more would end the stream.
    static std::size_t messages_in(const std::uint8_t* data, std::size_t size) {
        const std::size_t length = data[1] & 0x7Fu;
        const std::size_t payload = length < 126 ? length : length == 126 ? 1024u : 65536u;
        return size / (payload + header_size(payload, Server));
    }

    stream ws{memory_stream()};
    buffer payload = buffer(run_size);
    std::size_t seen = 0;
};

template <bool Server> struct encoder {
    encoder() { open(ws, Server); }

    void operator()(const frames& wanted, output& out) {
        ws.next_layer().write_to(&out);
        ws.text(wanted.kind().text);
        beast::error_code error;
        for (std::size_t i = 0; i < wanted.count(); ++i)
            ws.write(asio::buffer(wanted.payload(i), wanted.kind().size), error);
    }
    stream ws{memory_stream()};
};

void mask(std::uint8_t* data, std::size_t size) {
    std::uint32_t key = 0;
    std::memcpy(&key, mask_octets.data(), 4);
    websocket::detail::prepared_key prepared;
    websocket::detail::prepare_key(prepared, key);
    websocket::detail::mask_inplace(asio::buffer(data, size), prepared);
}

bool is_utf8(const std::uint8_t* data, std::size_t size) {
    websocket::detail::utf8_checker checker;
    return checker.write(data, size) && checker.finish();
}

void answer(std::string& out) {
    output written(1024);
    stream ws{memory_stream()};
    ws.next_layer().write_to(&written);
    ws.next_layer().give(handshake_request.data(), handshake_request.size());
    beast::error_code error;
    ws.accept(error);
    out.assign(reinterpret_cast<const char*>(written.data()), written.size());
}

} // namespace

void add_beast(works& all) {
    add_parser<parser<true>>(all, true, "Boost.Beast");
    add_parser<parser<false>>(all, false, "Boost.Beast");
    add_encoder<encoder<true>>(all, true, "Boost.Beast");
    add_encoder<encoder<false>>(all, false, "Boost.Beast");
    add_mask(all, "Boost.Beast", mask);
    add_utf8(all, "Boost.Beast", is_utf8);
    add_handshake(all, "Boost.Beast", answer);
}

} // namespace codec
