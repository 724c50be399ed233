// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client's engine: what it does before the connection is open.

#ifndef FRAMEWIRE_ASIO_DETAIL_CLIENT_ENGINE_HPP
#define FRAMEWIRE_ASIO_DETAIL_CLIENT_ENGINE_HPP

#include <framewire/asio/detail/engine.hpp>
#include <framewire/asio/detail/random.hpp>
#include <framewire/detail/http_body.hpp>
#include <framewire/handshake/client.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/masking.hpp>
#include <framewire/message_extension.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::net::detail {

template <> struct own_keys<role::client> {
    masking_key_source source{std::span<const std::byte, 32>(random_bytes<32>())};
};

// A request with texts of its own, as long as the handshake needs it.
class own_request {
public:
    explicit own_request(const client_request& from)
        : host_(from.host), target_(from.target), origin_(from.origin),
          extensions_(from.extensions) {
        for (const std::string_view name : from.subprotocols)
            subprotocols_.emplace_back(name);
        for (const http_field& field : from.fields)
            fields_.emplace_back(field.name, field.value);
        for (const std::string& name : subprotocols_)
            subprotocol_views_.emplace_back(name);
        for (const auto& [name, value] : fields_)
            field_views_.push_back({name, value});
    }
    own_request(const own_request&) = delete; // the parts are views
    own_request& operator=(const own_request&) = delete;

    [[nodiscard]] client_request parts() const noexcept {
        return {host_, target_, origin_, subprotocol_views_, extensions_, field_views_};
    }

private:
    std::string host_;
    std::string target_;
    std::string origin_;
    std::string extensions_;
    std::vector<std::string> subprotocols_;
    header_list fields_;
    std::vector<std::string_view> subprotocol_views_;
    std::vector<http_field> field_views_;
};

template <async_stream Next, options Options, message_extension Extension, typename Clock>
class client_engine final : public engine<Next, role::client, Options, Extension, Clock> {
    using base = engine<Next, role::client, Options, Extension, Clock>;

    static constexpr std::size_t max_refusal_body = 65'536;

    struct opening {
        opening(const client_request& from, std::size_t max_head)
            : request(from), storage(new char[max_head]),
              handshake(request.parts(), random_bytes<16>(), std::span(storage.get(), max_head)) {}

        own_request request;
        std::unique_ptr<char[]> storage;
        client_handshake handshake;
        std::optional<framewire::detail::http_body> body; // of a refusal
    };

public:
    client_engine(Next&& next, const stream_options& options,
                  const typename Extension::settings& extension)
        : base(std::move(next), options, extension), max_head_(options.max_head_size) {}

    // A request that was copied and written down, or why it cannot be.
    struct prepared {
        std::unique_ptr<opening> begun;
        std::vector<char> text;
        errc error = errc::success;
    };

    [[nodiscard]] prepared prepare(client_request request) {
        std::array<char, 256> offer;
        if constexpr (Extension::rsv != 0) {
            if (request.extensions.empty()) {
                const written offered = this->extension().write_offer(offer);
                if (offered.error != errc::success) return {nullptr, {}, offered.error};
                request.extensions = {offer.data(), offered.size};
            }
        }
        prepared result{std::make_unique<opening>(request, max_head_), {}, errc::success};
        const client_handshake& writer = result.begun->handshake;
        written size = writer.write_request({});
        if (size.error == errc::buffer_too_small) {
            result.text.resize(size.needed);
            size = writer.write_request(result.text);
        }
        result.error = size.error;
        return result;
    }

    template <typename Handler> void start_handshake(Handler&& handler, prepared request) {
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
        auto slot = io::get_associated_cancellation_slot(handler);
#endif
        auto* const op = this->make_waiting(waiting_, std::forward<Handler>(handler));
        if (request.error != errc::success) return op->fail(make_error(request.error));
        if (this->phase_ != phase::idle) {
            return op->fail(this->is_over() ? this->end_error() : make_error(errc::not_open));
        }
        waiting_.push(op, [&] {
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
            if (!slot.is_connected()) return;
            // Nobody else could go on with half of a handshake.
            slot.assign([this](io::cancellation_type type) {
                if (type != io::cancellation_type::none) this->abort();
            });
#endif
        });
        if (!this->wire_.head().append(std::as_bytes(std::span(request.text)))) {
            if (waiting_.remove(op)) op->fail(make_error(errc::out_of_memory));
            return;
        }
        opening_ = std::move(request.begun);
        this->begin_opening();
        this->wake(); // does not throw: it cannot be begun again
    }

    // For who leads up to the handshake: it came to nothing, or took too long.
    void give_up(const error_code& why) {
        if (why == errc::open_timeout) return open_timed_out();
        this->end(why);
    }

    [[nodiscard]] const http_response& response() const noexcept {
        static const http_response none;
        return response_ != nullptr ? *response_ : none;
    }

private:
    void take_opening() override {
        client_handshake& handshake = opening_->handshake;
        if (opening_->body) return take_body();
        const handshake_status status = handshake.feed(this->in_);
        if (status == handshake_status::need_data) return;
        if (handshake.has_response()) keep_response();
        if (status == handshake_status::complete) {
            if constexpr (Extension::rsv != 0) {
                // RFC 6455 9.1: a client that cannot live with the answer ends the connection.
                const errc error = accept_answer(this->extension(), handshake.extensions());
                if (error != errc::success) return this->end(make_error(error));
            }
            opening_.reset();
            this->opened();
            return waiting_.complete_all({});
        }
        if (handshake.error() != errc::upgrade_refused) {
            return this->end(make_error(handshake.error()));
        }
        opening_->body.emplace(handshake.status_code(), handshake.fields(), max_refusal_body);
        take_body();
    }

    void take_body() {
        std::span<const std::byte> in = this->in_;
        while (!opening_->body->done() && !in.empty()) {
            const std::span<const std::byte> piece = opening_->body->next(in);
            response_->body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        }
        this->in_ = {};
        if (opening_->body->done()) this->end(make_error(errc::upgrade_refused));
    }

    void take_opening_eof() override {
        if (opening_->body) return this->end(make_error(errc::upgrade_refused));
        this->end(this->lost());
    }

    void keep_response() {
        const client_handshake& from = opening_->handshake;
        response_ = std::make_unique<http_response>();
        response_->status = from.status_code();
        response_->reason = from.reason();
        for (const http_field field : from.fields())
            response_->headers.emplace_back(field.name, field.value);
    }

    void open_timed_out() override {
        // What there is of a refusal is worth more than that the rest of it is late.
        const bool refused = opening_ != nullptr && opening_->body;
        this->end(make_error(refused ? errc::upgrade_refused : errc::open_timeout));
    }
    void fail_opening(const error_code& error) override {
        opening_.reset();
        waiting_.fail_all(error);
    }
    void destroy_opening(delivery how) noexcept override { waiting_.destroy_all(how); }

    std::unique_ptr<opening> opening_;
    std::unique_ptr<http_response> response_;
    const std::size_t max_head_;
    operation_queue<> waiting_;
};

} // namespace framewire::net::detail

#endif
