// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// One attempt of a client to get from a URL to an open connection.

#ifndef FRAMEWIRE_ASIO_DETAIL_CONNECTOR_HPP
#define FRAMEWIRE_ASIO_DETAIL_CONNECTOR_HPP

#include <framewire/asio/client_options.hpp>
#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/client_engine.hpp>
#include <framewire/asio/detail/dialer.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/error.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/tls.hpp>
#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/handshake/client.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head_writer.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace framewire::net::detail {

// The engine is the client's: it is given the transport once there is one, and told when there
// will be none.
template <typename Engine, typename Clock, typename Resolver> class connector final
    : public dialer<typename Engine::executor_type, Clock, Resolver> {
    using base = dialer<typename Engine::executor_type, Clock, Resolver>;

public:
    using executor_type = typename Engine::executor_type;

    explicit connector(std::shared_ptr<Engine> engine)
        : base(engine->executor()), engine_(std::move(engine)) {}
    ~connector() { destroy(delivery::lost); }

    template <typename Handler>
    void start(Handler&& handler, std::string_view url, const client_options& options) {
        keep(std::forward<Handler>(handler));
        // Whoever closes the client meanwhile gives this up.
        engine_->start_closed(
            [weak = this->weak_from_this()](const error_code&, const close_info&) {
                if (const auto self = weak.lock()) static_cast<connector&>(*self).cancel();
            },
            errc::success);

        const uri parsed = parse_uri(url);
        errc error = parsed.error;
        // A name that is percent-encoded would have to be decoded, and is as good as never meant.
        if (parsed.host.find('%') != std::string_view::npos) error = errc::invalid_host;
        // The URL itself is not shown: it may hold a password, or a token.
        if (error != errc::success) return fail_early(error, "the URL cannot be used: ");
        prepared_ = prepare(parsed, options);
        if (prepared_.error != errc::success) {
            return fail_early(prepared_.error,
                              "the request cannot be made: ", culprit(prepared_.error, options));
        }
        dial_plan plan;
        plan.host = parsed.host;
        plan.port = parsed.port;
        plan.secure = parsed.secure;
        plan.proxy = options.proxy;
        plan.time = options.stream.timeouts.open;
        plan.max_head_size = options.stream.max_head_size;
        plan.trust_anyone = options.trust_any_certificate_insecurely;
        if (parsed.secure) {
            tls_setup made;
            made.context = options.tls;
            if (!made)
                made = options.ca_file.empty() ? default_client_tls()
                                               : make_client_tls(options.ca_file);
            if (!made) return this->fail(made.error, std::move(made.error_text));
            plan.tls = std::move(made.context);
        }
        this->dial(std::move(plan));
    }

    // Completes it with `operation_aborted`, unless it is complete.
    void cancel() {
        if (op_ != nullptr) this->fail(io::error::operation_aborted, "connecting was given up");
    }
    // The client is gone: nobody is told anything any more.
    void abandon() {
        this->stop();
        engine_.reset();
        destroy(delivery::never);
    }

private:
    template <typename Handler> void keep(Handler&& handler) {
        using handler_type = std::decay_t<Handler>;
        using made = operation_for<connector, handler_type, as_it_is>;
        handler_type own(std::forward<Handler>(handler));
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
        auto slot = io::get_associated_cancellation_slot(own);
#endif
        op_ = made::make(*this, std::move(own), as_it_is{});
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
        if (!slot.is_connected()) return;
        slot.assign([weak = this->weak_from_this()](io::cancellation_type type) {
            const auto self = weak.lock();
            if (self == nullptr || type == io::cancellation_type::none) return;
            static_cast<connector&>(*self).cancel();
        });
#endif
    }
    void complete(const error_code& error) {
        if (auto* const op = std::exchange(op_, nullptr)) op->complete(delivery::later, error);
    }
    void destroy(delivery how) noexcept {
        if (auto* const op = std::exchange(op_, nullptr)) op->destroy(how);
    }
    void context_ended() noexcept override { destroy(delivery::lost); }

    [[nodiscard]] typename Engine::prepared prepare(const uri& to, const client_options& options) {
        const std::vector<std::string_view> subprotocols(options.subprotocols.begin(),
                                                         options.subprotocols.end());
        std::vector<http_field> fields;
        for (const auto& [name, value] : options.headers)
            fields.push_back({name, value});
        client_request request;
        request.host = to.authority;
        request.target = to.target;
        request.origin = options.origin;
        request.subprotocols = subprotocols;
        request.fields = fields;
        return engine_->prepare(request);
    }

    // The option that the request cannot be made of, in brackets.
    [[nodiscard]] FRAMEWIRE_COLD static std::string culprit(errc error,
                                                            const client_options& options) {
        for (std::size_t i = 0; i < options.headers.size(); ++i) {
            const http_field one{options.headers[i].first, options.headers[i].second};
            http_head_writer writer({});
            writer.fields({&one, 1});
            if (writer.result().error == error) return place("headers", i);
        }
        if (error == errc::invalid_field) return " (origin)";
        if (error != errc::invalid_subprotocol) return {};
        const auto& all = options.subprotocols;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto here = all.begin() + static_cast<std::ptrdiff_t>(i);
            if (!framewire::detail::is_token(*here) ||
                std::find(all.begin(), here, *here) != here) {
                return place("subprotocols", i);
            }
        }
        return {};
    }
    [[nodiscard]] FRAMEWIRE_COLD static std::string place(const char* list, std::size_t index) {
        return std::string(" (").append(list) + '[' + std::to_string(index) + "])";
    }

    void dialed() override {
        engine_->next() = std::move(this->transport_);
        engine_->start_handshake(
            [self = this->shared_from_this(), this](const error_code& error) {
                if (this->phase() == dial_phase::shaking_hands) shaken(error);
            },
            std::move(prepared_));
    }

    void shaken(const error_code& error) {
        if (error) return this->fail(error, handshake_text(error));
        this->stop();
        engine_.reset();
        complete({});
    }

    void failed(const error_code& error) override {
        if (const auto engine = std::exchange(engine_, nullptr)) engine->give_up(error);
        complete(error);
    }

    // The engine knows whether there is a refusal already.
    void handshake_timed_out() override { engine_->give_up(make_error(errc::open_timeout)); }

    void fail_early(errc error, std::string text, const std::string& where = {}) {
        this->fail(make_error(error), text.append(framewire::message(error)).append(where));
    }

    [[nodiscard]] std::string handshake_text(const error_code& error) const {
        const std::string server = this->server_text();
        if (error == errc::upgrade_refused) {
            const http_response& response = engine_->response();
            return server + " answered " + status_text(response.status, response.reason);
        }
        if (error == errc::open_timeout) {
            return server + " did not finish the opening handshake within " + this->time_text();
        }
        if (error == errc::connection_lost) {
            return server + " ended the connection without an answer";
        }
        if (error == io::error::operation_aborted) return "connecting was given up";
        const bool malformed =
            error == condition::handshake_failed || error == condition::limit_exceeded;
        return (malformed ? server + " did not answer as a WebSocket server does: "
                          : "the connection to " + server + " broke: ") +
               error.message();
    }

    std::shared_ptr<Engine> engine_; // until it is open, or never will be
    typename Engine::prepared prepared_;
    operation<>* op_ = nullptr;
};

} // namespace framewire::net::detail

#endif
