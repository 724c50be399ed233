// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client's way to the server: name, TCP, proxy, TLS. Each step starts the next one, and each can
// fail, with words for it; one deadline is for all of them.

#ifndef FRAMEWIRE_ASIO_DETAIL_DIALER_HPP
#define FRAMEWIRE_ASIO_DETAIL_DIALER_HPP

#include <framewire/asio/client_options.hpp>
#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/endpoint_text.hpp>
#include <framewire/asio/detail/timer_queue.hpp>
#include <framewire/asio/detail/transport.hpp>
#include <framewire/asio/error.hpp>
#include <framewire/asio/tcp_or_tls.hpp>
#include <framewire/asio/tls.hpp>
#include <framewire/handshake/proxy.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::net::detail {

enum class dial_phase : std::uint8_t {
    idle,
    resolving,
    connecting,
    tunneling,     // the proxy has been asked for a way through
    securing,      // TLS
    shaking_hands, // the way is there: the derived class uses it
    over,
};

// Where to go, and how.
struct dial_plan {
    std::string host;
    std::uint16_t port = 0;
    bool secure = false;
    std::optional<http_proxy> proxy = {};
    std::shared_ptr<io::ssl::context> tls = nullptr;
    bool trust_anyone = false;
    std::chrono::milliseconds time{0}; // for everything; zero: as long as it takes
    std::size_t max_head_size = 0;
};

// Of what the peer says, what can be shown in a line.
[[nodiscard]] inline std::string printable(std::string_view text) {
    std::string result(text.substr(0, 200));
    for (char& c : result) {
        if (c < ' ' || c > '~') c = '?';
    }
    return result;
}

// A status of HTTP in words: "403 Forbidden".
[[nodiscard]] inline std::string status_text(int status, std::string_view reason) {
    std::string text = std::to_string(status);
    if (!reason.empty()) text += ' ' + printable(reason);
    return text;
}

// RFC 8305 4: addresses of the two families in turn, each in the order given.
[[nodiscard]] inline std::vector<io::ip::tcp::endpoint>
in_turn(const std::vector<io::ip::tcp::endpoint>& all) {
    std::vector<io::ip::tcp::endpoint> rest[2];
    for (const auto& endpoint : all)
        rest[endpoint.protocol() == all.front().protocol() ? 0 : 1].push_back(endpoint);
    std::vector<io::ip::tcp::endpoint> result;
    for (std::size_t i = 0; result.size() < all.size(); ++i) {
        for (const auto& family : rest) {
            if (i < family.size()) result.push_back(family[i]);
        }
    }
    return result;
}

template <typename Executor, typename Clock, typename Resolver> class dialer
    : public operation_owner<Clock> {
public:
    using transport_type = basic_tcp_or_tls<Executor>;
    using socket_type = typename transport_type::socket_type;

    // One sentence, once it failed.
    [[nodiscard]] const std::string& error_text() const noexcept { return text_; }
    // What the proxy answered; 0 without an answer.
    [[nodiscard]] int proxy_status() const noexcept { return proxy_status_; }

    [[nodiscard]] const Executor& executor() const noexcept { return executor_; }

protected:
    explicit dialer(const Executor& executor)
        : operation_owner<Clock>(executor), transport_(executor), executor_(executor),
          resolver_(executor) {}
    ~dialer() = default;

    // --- What the derived class adds

    // `transport_` leads to the server.
    virtual void dialed() = 0;
    // It came to nothing: why stands in error_text().
    virtual void failed(const error_code& error) = 0;
    // While the derived class is at work.
    virtual void handshake_timed_out() = 0;

    // --- What it uses

    [[nodiscard]] const dial_plan& plan() const noexcept { return plan_; }
    [[nodiscard]] dial_phase phase() const noexcept { return phase_; }

    void dial(dial_plan plan) {
        plan_ = std::move(plan);
        if (plan_.time.count() > 0) {
            // Centuries are as good as forever, and must not wrap.
            constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365 * 100);
            deadline_ = after(std::min(plan_.time, longest));
        }
        arm();
        find();
    }

    // Ends what is under way; nothing is called any more.
    void stop() noexcept {
        phase_ = dial_phase::over;
        this->timers().unset(*this);
        try {
            resolver_.cancel();
        } catch (...) { // no memory for that: what it finds is thrown away
        }
        attempts_.clear();
        transport_traits<transport_type>::close(transport_);
    }

    void fail(const error_code& error, std::string text) {
        text_ = std::move(text);
        stop();
        failed(error);
    }

    // For people: "example.org:443".
    [[nodiscard]] std::string server_text() const { return endpoint_text(plan_.host, plan_.port); }
    [[nodiscard]] std::string time_text() const {
        const auto count = plan_.time.count();
        return count % 1000 == 0 ? std::to_string(count / 1000) + " s"
                                 : std::to_string(count) + " ms";
    }

    transport_type transport_;

private:
    using time_point = typename Clock::time_point;
    static constexpr time_point never = time_point::max();
    // RFC 8305 5: the recommended Connection Attempt Delay.
    static constexpr std::chrono::milliseconds attempt_delay{250};

    [[nodiscard]] static time_point after(std::chrono::milliseconds delay) noexcept {
        return Clock::now() + std::chrono::duration_cast<typename Clock::duration>(delay);
    }

    struct tunnel {
        tunnel(const proxy_request& request, std::size_t max_head)
            : storage(max_head), handshake(request, storage) {}
        std::vector<char> storage;
        proxy_handshake handshake;
        std::vector<char> text;
        std::size_t written = 0;
        std::array<std::byte, 1024> room{};
    };

    // Keeps this object while something is under way. What comes after its phase is not looked at.
    template <typename F> auto in(dial_phase phase, F then) {
        return [self = this->shared_from_this(), this, phase,
                then = std::move(then)](const error_code& error, auto&&... rest) {
            if (phase_ == phase) then(error, std::forward<decltype(rest)>(rest)...);
        };
    }

    // --- Finding the host, or the proxy

    [[nodiscard]] const std::string& next_host() const noexcept {
        return plan_.proxy ? plan_.proxy->host : plan_.host;
    }
    [[nodiscard]] std::uint16_t next_port() const noexcept {
        return plan_.proxy ? plan_.proxy->port : plan_.port;
    }
    // "example.org:443", or "the proxy example.net:3128".
    [[nodiscard]] std::string next_text() const {
        return (plan_.proxy ? "the proxy " : "") + endpoint_text(next_host(), next_port());
    }

    void find() {
        phase_ = dial_phase::resolving;
        error_code no_address;
        const auto address = io::ip::make_address(next_host(), no_address);
        if (!no_address) {
            endpoints_ = {{address, next_port()}};
            return connect();
        }
        resolver_.async_resolve(
            next_host(), std::to_string(next_port()),
            in(dial_phase::resolving, [this](const error_code& error, const auto& results) {
                if (error) return not_found(error);
                for (const auto& entry : results)
                    endpoints_.push_back(entry.endpoint());
                if (endpoints_.empty()) return not_found(io::error::host_not_found);
                endpoints_ = in_turn(endpoints_);
                connect();
            }));
    }

    void not_found(const error_code& error) {
        fail(error, (plan_.proxy ? "cannot find the proxy " : "cannot find the host ") +
                        printable(next_host()) + ": " + error.message());
    }

    // --- TCP: one address after the other, and not only when the one before has failed

    void connect() {
        phase_ = dial_phase::connecting;
        next_attempt();
    }

    void next_attempt() {
        const io::ip::tcp::endpoint endpoint = endpoints_[started_++];
        attempts_.push_back(std::make_unique<socket_type>(executor_));
        socket_type& socket = *attempts_.back();
        attempt_at_ = started_ < endpoints_.size() ? after(attempt_delay) : never;
        arm();
        socket.async_connect(
            endpoint, in(dial_phase::connecting, [this, &socket, endpoint](const error_code& e) {
                connected(socket, endpoint, e);
            }));
    }

    void connected(socket_type& socket, const io::ip::tcp::endpoint& endpoint, error_code error) {
        // Where nobody listens on a port for outgoing connections, a socket can meet itself.
        if (!error && is_own(socket)) error = io::error::connection_refused;
        if (error) {
            error_code ignored;
            (void)socket.close(ignored);
            ++failures_;
            if (started_ < endpoints_.size()) return next_attempt();
            if (failures_ < started_) return; // others are under way
            std::string text = "cannot connect to " + next_text();
            const std::string address = endpoint.address().to_string();
            if (address != next_host()) text += " (" + address + ')';
            return fail(error, text + ": " + error.message());
        }
        attempt_at_ = never;
        error_code ignored;
        (void)socket.set_option(io::ip::tcp::no_delay(true), ignored);
        transport_ = transport_type(std::move(socket));
        attempts_.clear();
        if (plan_.proxy) {
            ask_proxy();
        } else {
            secure();
        }
    }

    [[nodiscard]] static bool is_own(const socket_type& socket) {
        error_code error;
        const auto local = socket.local_endpoint(error);
        return !error && local == socket.remote_endpoint(error) && !error;
    }

    // --- The proxy

    void ask_proxy() {
        phase_ = dial_phase::tunneling;
        const http_proxy& proxy = *plan_.proxy;
        const proxy_request request{plan_.host, plan_.port, proxy.user, proxy.password, {}};
        tunnel_ = std::make_unique<tunnel>(request, plan_.max_head_size);
        written size = tunnel_->handshake.write_request({});
        if (size.error == errc::buffer_too_small) {
            tunnel_->text.resize(size.needed);
            size = tunnel_->handshake.write_request(tunnel_->text);
        }
        if (size.error != errc::success) {
            return fail(make_error(size.error),
                        "cannot ask " + next_text() +
                            " for a connection: " + std::string(framewire::message(size.error)));
        }
        write_to_proxy();
    }

    void write_to_proxy() {
        const std::span<const char> left = std::span(tunnel_->text).subspan(tunnel_->written);
        if (left.empty()) return read_from_proxy();
        transport_.async_write_some(
            io::buffer(left.data(), left.size()),
            in(dial_phase::tunneling, [this](const error_code& error, std::size_t size) {
                if (error) return lost_proxy(error);
                tunnel_->written += size;
                write_to_proxy();
            }));
    }

    // Only the head of the answer is taken: what stands behind it is the server's.
    void read_from_proxy() {
        transport_.lowest_layer().async_receive(
            io::buffer(tunnel_->room), io::socket_base::message_peek,
            in(dial_phase::tunneling, [this](const error_code& error, std::size_t size) {
                if (error) return lost_proxy(error);
                std::span<const std::byte> left = std::span(tunnel_->room).first(size);
                const handshake_status status = tunnel_->handshake.feed(left);
                if (const error_code e = skip(size - left.size())) return lost_proxy(e);
                if (status == handshake_status::need_data) return read_from_proxy();
                proxy_status_ = tunnel_->handshake.status_code();
                if (status == handshake_status::failed) return proxy_failed();
                tunnel_.reset();
                secure();
            }));
    }

    // Bytes that have come already.
    [[nodiscard]] error_code skip(std::size_t size) {
        error_code error;
        while (size != 0 && !error) {
            size -= transport_.lowest_layer().receive(io::buffer(tunnel_->room, size), 0, error);
        }
        return error;
    }

    void lost_proxy(const error_code& error) {
        const bool ended = error == io::error::eof;
        fail(ended ? make_error(errc::connection_lost) : error,
             next_text() + (ended ? " ended the connection without an answer"
                                  : " cannot be talked to: " + error.message()));
    }

    void proxy_failed() {
        const proxy_handshake& handshake = tunnel_->handshake;
        const errc error = handshake.error();
        std::string text = next_text();
        if (error == errc::proxy_refused) {
            text += " answered " + status_text(handshake.status_code(), handshake.reason());
        } else {
            text +=
                " did not answer as an HTTP proxy does: " + std::string(framewire::message(error));
        }
        fail(make_error(error), std::move(text));
    }

    // --- TLS

    void secure() {
        if (!plan_.secure) return arrive();
        phase_ = dial_phase::securing;
        auto& tls = transport_.start_tls(plan_.tls);
        const error_code error = plan_.trust_anyone
                                     ? prepare_tls_trusting_anyone_insecurely(tls, plan_.host)
                                     : prepare_tls(tls, plan_.host);
        if (error) return tls_failed(error);
        tls.async_handshake(io::ssl::stream_base::client,
                            in(dial_phase::securing, [this](const error_code& e) {
                                if (e) return tls_failed(e);
                                arrive();
                            }));
    }

    void tls_failed(const error_code& error) {
        const std::string problem = certificate_problem(*transport_.tls());
        if (!problem.empty()) {
            return fail(error,
                        "the certificate of " + server_text() + " was not accepted: " + problem);
        }
        const bool ended = error == io::error::eof || error == io::ssl::error::stream_truncated;
        fail(ended ? make_error(errc::connection_lost) : error,
             ended ? server_text() + " ended the connection during the TLS handshake"
                   : "the TLS handshake with " + server_text() + " failed: " + error.message());
    }

    void arrive() {
        phase_ = dial_phase::shaking_hands;
        dialed();
    }

    // --- Time

    void arm() {
        const time_point next = std::min(deadline_, attempt_at_);
        if (next == never) return this->timers().unset(*this);
        this->timers().set(*this, next);
    }

    void ring(std::shared_ptr<timed> self) override {
        io::post(executor_, [self = std::move(self), this] { on_timer(); });
    }

    void on_timer() {
        if (phase_ == dial_phase::over) return;
        const time_point now = Clock::now();
        if (now >= deadline_) return timed_out();
        if (phase_ == dial_phase::connecting && now >= attempt_at_) return next_attempt();
        arm();
    }

    void timed_out() {
        const error_code error = make_error(errc::open_timeout);
        const std::string within = " within " + time_text();
        switch (phase_) {
        case dial_phase::resolving:
            return fail(error, "no address for " + printable(next_host()) + within);
        case dial_phase::connecting: return fail(error, "no connection to " + next_text() + within);
        case dial_phase::tunneling: return fail(error, "no answer from " + next_text() + within);
        case dial_phase::securing:
            return fail(error, "no TLS connection to " + server_text() + within);
        default: return handshake_timed_out();
        }
    }

    Executor executor_;
    Resolver resolver_;
    dial_plan plan_;
    dial_phase phase_ = dial_phase::idle;
    time_point deadline_ = never;
    time_point attempt_at_ = never; // when to try the next address
    std::vector<io::ip::tcp::endpoint> endpoints_;
    std::vector<std::unique_ptr<socket_type>> attempts_;
    std::size_t started_ = 0; // of endpoints_
    std::size_t failures_ = 0;
    std::unique_ptr<tunnel> tunnel_;
    std::string text_;
    int proxy_status_ = 0;
};

} // namespace framewire::net::detail

#endif
