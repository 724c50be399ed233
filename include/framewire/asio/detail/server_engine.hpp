// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server's engine: what it does before the connection is open.

#ifndef FRAMEWIRE_ASIO_DETAIL_SERVER_ENGINE_HPP
#define FRAMEWIRE_ASIO_DETAIL_SERVER_ENGINE_HPP

#include <framewire/asio/detail/engine.hpp>
#include <framewire/asio/origin_policy.hpp>
#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/handshake/response.hpp>
#include <framewire/handshake/server.hpp>
#include <framewire/handshake/upgrade_request.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head_writer.hpp>
#include <framewire/message_extension.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::net::detail {

template <async_stream Next, options Options, message_extension Extension, typename Clock>
class server_engine final : public engine<Next, role::server, Options, Extension, Clock> {
    using base = engine<Next, role::server, Options, Extension, Clock>;

    // What is needed until the request is answered.
    struct opening {
        explicit opening(const origin_policy& allowed) : origins(allowed) {}

        // Who has said nothing takes no memory for a head.
        server_handshake& head(std::size_t max_size) {
            if (!handshake) {
                storage.reset(new char[max_size]);
                handshake.emplace(std::span(storage.get(), max_size));
            }
            return *handshake;
        }

        origin_policy origins;
        std::unique_ptr<char[]> storage;
        std::optional<server_handshake> handshake;
        std::vector<std::byte> adopted; // read by somebody else, not taken yet
        operation_queue<upgrade_request> waiting;
        operation_queue<> securing;
        operation_queue<> refusals;
        bool secured = false; // the TLS handshake was begun
        bool told = false;    // the application knows the request
        // By the application, and it was written: known once it is over.
        std::optional<bool> refused;
    };

public:
    server_engine(Next&& next, const origin_policy& origins, const stream_options& options,
                  const typename Extension::settings& extension)
        : base(std::move(next), options, extension), opening_(std::make_unique<opening>(origins)) {}

    FRAMEWIRE_COLD void adopt(std::span<const std::byte> already_read) {
        if (this->phase_ != phase::idle) return;
        opening_->adopted.insert(opening_->adopted.end(), already_read.begin(), already_read.end());
    }

    FRAMEWIRE_COLD errc adopt(std::string_view target, std::span<const http_field> fields,
                              std::span<const std::byte> leftover) {
        if (this->phase_ != phase::idle) return errc::not_open;
        std::vector<char> head;
        const written result = write_whole(head, [&](std::span<char> out) {
            http_head_writer writer(out);
            if (!framewire::detail::parse_target(target).valid) {
                writer.fail(errc::bad_request_target);
            }
            writer.line("GET ", target, " HTTP/1.1");
            for (const http_field& field : fields) {
                // Nothing may end its line early; the rest is checked when it is read.
                if (!framewire::detail::is_token(field.name) ||
                    !framewire::detail::all_are(framewire::detail::field_chars, field.value)) {
                    writer.fail(errc::invalid_field);
                }
                writer.line(field.name, ": ", field.value);
            }
            writer.line();
            return writer.result();
        });
        if (result.error != errc::success) return result.error;
        adopt(std::as_bytes(std::span(head)));
        adopt(leftover);
        return errc::success;
    }

    template <typename Handler> void start_tls_handshake(Handler&& handler) {
        if (this->phase_ != phase::idle || opening_->secured) {
            operation_queue<> none;
            auto* const op = this->make_waiting(none, std::forward<Handler>(handler));
            return op->fail(this->is_over() ? this->end_error() : make_error(errc::not_open));
        }
        auto* const op = this->make_waiting(opening_->securing, std::forward<Handler>(handler));
        opening_->securing.push(op, [this] {
            this->next_.async_handshake(Next::server,
                                        [keep = std::static_pointer_cast<server_engine>(
                                             this->shared_from_this())](const error_code& error) {
                                            if (keep->is_over()) return; // by the timer, say
                                            if (error) return keep->end(error);
                                            keep->opening_->securing.complete_all({});
                                        });
        });
        opening_->secured = true;
        this->deadlines_.opening(Clock::now());
        this->arm(false);
    }

    template <typename Handler> void start_read_request(Handler&& handler) {
        const bool untold = this->phase_ == phase::deciding && !opening_->told;
        if (untold || this->phase_ > phase::opening || !opening_->waiting.empty()) {
            operation_queue<upgrade_request> none;
            auto* const op = this->make_waiting(none, std::forward<Handler>(handler));
            if (untold) return tell(op);
            const bool refusing = this->phase_ == phase::refusing;
            return op->fail(refusing || this->is_over() ? this->end_error()
                                                        : make_error(errc::not_open));
        }
        auto* const op = this->make_waiting(opening_->waiting, std::forward<Handler>(handler));
        opening_->waiting.push(op, [this] {
            if (this->phase_ == phase::idle) {
                this->begin_opening();
                this->in_ = opening_->adopted;
            }
            if (!this->in_.empty()) return this->wake();
            this->turn(this->only_settle);
        });
    }

    FRAMEWIRE_NEVER_INLINE errc accept(server_response response) {
        if (this->phase_ != phase::deciding) return errc::not_open;
        std::array<char, 256> extensions;
        if constexpr (Extension::rsv != 0) {
            if (response.extensions.empty()) {
                const written agreed = negotiate(
                    this->extension(), opening_->handshake->request().extensions(), extensions);
                if (agreed.error != errc::success) return agreed.error;
                response.extensions = {extensions.data(), agreed.size};
            }
        }
        const errc error = write_head(
            [&](std::span<char> out) { return opening_->handshake->write_accept(out, response); });
        if (error != errc::success) return error;
        this->opened(); // `in_` may still point into opening_
        return errc::success;
    }

    FRAMEWIRE_COLD errc refuse(const http_rejection& rejection) {
        if (this->phase_ != phase::deciding) return errc::not_open;
        return reject(rejection, errc::upgrade_refused);
    }

    template <typename Handler> void start_refused(Handler&& handler, errc result) {
        if (result != errc::success) {
            return this->start_told(std::forward<Handler>(handler), result);
        }
        auto* const op = this->make_waiting(opening_->refusals, std::forward<Handler>(handler));
        if (!this->is_over()) return opening_->refusals.push(op);
        op->complete(delivery::later, *opening_->refused ? error_code{} : this->lost());
    }

private:
    // Has `write` fill a text of just the size it takes.
    template <typename Write> static written write_whole(std::vector<char>& text, Write write) {
        written result = write(std::span<char>{});
        if (result.error != errc::buffer_too_small) return result;
        text.resize(result.needed);
        return write(std::span(text));
    }

    template <typename Write> errc write_head(Write write) {
        std::vector<char> text;
        const written result = write_whole(text, std::move(write));
        if (result.error != errc::success) return result.error;
        const auto bytes = std::as_bytes(std::span(text)).first(result.size);
        return this->wire_.head().append(bytes) ? errc::success : errc::out_of_memory;
    }

    FRAMEWIRE_COLD errc reject(const http_rejection& rejection, errc cause) {
        const errc error =
            write_head([&](std::span<char> out) { return write_reject(out, rejection); });
        if (error != errc::success) return error;
        this->in_ = {}; // never read as a second request
        this->begin_refusing(make_error(cause));
        return errc::success;
    }

    FRAMEWIRE_NEVER_INLINE void take_opening() override {
        server_handshake& handshake = opening_->head(this->options_->max_head_size);
        switch (handshake.feed(this->in_)) {
        case handshake_status::need_data: return;
        case handshake_status::failed: return reject_request(handshake.rejection());
        case handshake_status::complete: break;
        }
        if (!opening_->origins.allows(handshake.request().origin)) {
            http_rejection no;
            no.status = http_status_for(errc::origin_not_allowed);
            no.cause = errc::origin_not_allowed;
            return reject_request(no);
        }
        this->phase_ = phase::deciding;
        // Who waited may have been cancelled: then the next one is told.
        if (auto* const op = opening_->waiting.pop()) tell(op);
    }
    void tell(operation<upgrade_request>* op) {
        op->complete(delivery::later, {}, opening_->handshake->request());
        opening_->told = true;
    }

    FRAMEWIRE_COLD void reject_request(const http_rejection& rejection) {
        const errc cause = rejection.cause;
        if (reject(rejection, cause) != errc::success) return this->end(make_error(cause));
        opening_->waiting.fail_all(make_error(cause));
    }

    FRAMEWIRE_COLD void open_timed_out() override {
        if (this->phase_ == phase::idle) return this->end(make_error(errc::open_timeout));
        if (this->phase_ != phase::opening && this->phase_ != phase::deciding) return;
        http_rejection late;
        late.status = http_status_for(errc::open_timeout);
        late.cause = errc::open_timeout;
        reject_request(late);
    }

    FRAMEWIRE_COLD void fail_opening(const error_code& error) override {
        if (opening_ == nullptr) return;
        // A refusal that was written has done what it was to do. Looked at once: without memory to
        // tell everybody this is called again, when what was not written has been dropped.
        if (!opening_->refused) {
            opening_->refused =
                error == errc::upgrade_refused && !this->broken_ && this->all_written();
        }
        opening_->securing.fail_all(error);
        opening_->waiting.fail_all(error);
        opening_->refusals.complete_all(*opening_->refused ? error_code{} : this->lost());
    }
    FRAMEWIRE_COLD void destroy_opening(delivery how) noexcept override {
        if (opening_ == nullptr) return;
        opening_->securing.destroy_all(how);
        opening_->waiting.destroy_all(how);
        opening_->refusals.destroy_all(how);
    }
    FRAMEWIRE_COLD void release_opening() noexcept override { opening_.reset(); }

    std::unique_ptr<opening> opening_; // until what came behind the request is taken, too
};

} // namespace framewire::net::detail

#endif
