// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/client.hpp>

#include "asio/support/certificates.hpp"
#include "asio/support/connected.hpp"
#include "asio/support/sockets.hpp"
#include "asio/support/test_server.hpp"
#include "asio/support/tokens.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;
using tcp = io::ip::tcp;

namespace {

// Knows what the test told it, and takes as long as the test wants.
class test_resolver {
public:
    struct entry {
        tcp::endpoint to;
        [[nodiscard]] tcp::endpoint endpoint() const { return to; }
    };
    using entries = std::vector<entry>;

    static inline bool silent = false;
    static inline entries known;
    static inline std::vector<std::string> asked;
    // What nobody has answered, and the end of the execution context would throw away.
    static inline std::vector<std::function<void(error_code)>> waiting;

    static void reset() {
        silent = false;
        known.clear();
        asked.clear();
        waiting.clear();
    }

    explicit test_resolver(const io::any_io_executor& executor) : executor_(executor) {}

    template <typename Handler>
    void async_resolve(const std::string& host, const std::string& service, Handler handler) {
        asked.push_back(host + ' ' + service);
        auto kept = std::make_shared<Handler>(std::move(handler));
        if (silent) {
            waiting.push_back([kept](error_code error) { (*kept)(error, entries{}); });
            return;
        }
        io::post(executor_, [kept, result = known] { (*kept)(error_code{}, result); });
    }
    void cancel() {
        for (auto& one : std::exchange(waiting, {}))
            io::post(executor_, [one = std::move(one)] { one(io::error::operation_aborted); });
    }

private:
    io::any_io_executor executor_;
};

using fake_client =
    net::basic_client<io::any_io_executor, options{}, no_extension, fake_clock, test_resolver>;

net::client_options trusting() {
    net::client_options options;
    options.ca_file = certificates().path("ca.pem");
    return options;
}

net::client_options through(const test_server& proxy) {
    net::client_options options = trusting();
    options.proxy = net::http_proxy{"127.0.0.1", proxy.port()};
    return options;
}

// A loop, a client in it, and the outcome of its `connect`.
struct fixture {
    explicit fixture(net::client_options options = {}) : client(std::in_place, context, options) {
        test_resolver::reset();
        test_resolver::known = {};
    }
    fixture(const fixture&) = delete;
    fixture& operator=(const fixture&) = delete;
    ~fixture() { test_resolver::reset(); }

    void connect(std::string url) { client->connect(std::move(url), opened.handler()); }
    [[nodiscard]] bool wait() {
        return run_until(context, [&] { return opened.calls != 0; });
    }
    // Lets `localhost` and all other names stand for that server.
    void name(const tcp::endpoint& endpoint) { test_resolver::known.push_back({endpoint}); }
    [[nodiscard]] std::string text() const { return std::string(client->error_text()); }

    io::io_context context;
    std::optional<fake_client> client;
    completion opened;
};

std::string url_of(const test_server& server, std::string_view scheme = "ws",
                   std::string_view host = "127.0.0.1", std::string_view target = "/") {
    return std::string(scheme) + "://" + server.authority(host) + std::string(target);
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

// Answers the opening handshake as it should be.
void accept_on(test_connection& end, std::string_view extra = {}) {
    end.write(response_head(std::exchange(end.got, {}), extra));
}

} // namespace

TEST_CASE("client: from a URL to messages, and again from the start") {
    net::client_options options = trusting();
    options.headers = {{"Authorization", "Bearer abc"}, {"X-More", "1"}};
    options.origin = "https://example.org";
    options.subprotocols = {"chat", "superchat"};
    const bool secure = GENERATE(false, true);
    const std::string host = GENERATE(as<std::string>{}, "localhost", "127.0.0.1");
    fixture f(options);
    test_server server(f.context, secure ? certificates().of_server("good") : nullptr);
    f.name(server.endpoint());
    const std::string url = url_of(server, secure ? "wss" : "ws", host, "/room?user=1");
    for (const int round : {1, 2}) {
        INFO(round);
        f.opened = {};
        f.connect(url);
        CHECK(f.opened.calls == 0); // never from within
        CHECK_FALSE(f.client->is_open());
        const auto end = server.next_with_head();
        REQUIRE(end);
        CHECK(end->got.find("GET /room?user=1 HTTP/1.1\r\n") == 0);
        CHECK(field_of(end->got, "Host") == server.authority(host));
        CHECK(field_of(end->got, "Origin") == "https://example.org");
        CHECK(field_of(end->got, "Sec-WebSocket-Protocol") == "chat, superchat");
        CHECK(field_of(end->got, "Authorization") == "Bearer abc");
        CHECK(field_of(end->got, "X-More") == "1");
        CHECK(f.client->subprotocol().empty());
        accept_on(*end, "Sec-WebSocket-Protocol: superchat\r\n");
        REQUIRE(f.wait());
        REQUIRE(f.opened.done());
        CHECK(f.text().empty());
        CHECK(f.client->is_open());
        CHECK(f.client->response().status == 101);
        CHECK(f.client->subprotocol() == "superchat");
        CHECK((f.client->next_layer().tls() != nullptr) == secure);
        tcp::no_delay no_delay;
        f.client->next_layer().lowest_layer().get_option(no_delay);
        CHECK(no_delay.value());

        read_completion read;
        f.client->read(read.handler());
        end->write(frame_writer(role::client).text("hello").str());
        REQUIRE(run_until(f.context, [&] { return read.calls == 1; }));
        CHECK(read.text == "hello");
        REQUIRE(f.client->send_text("and back"));
        REQUIRE(run_until(f.context, [&] { return end->got.size() >= 14; }));
        const auto frames = take_frames(end->got);
        REQUIRE(frames.size() == 1);
        CHECK(frames[0].payload == "and back");
        if (round == 2) continue;

        // After the end of one connection, or in the middle of it.
        if (GENERATE(true, false)) {
            close_completion closed;
            read_completion last;
            f.client->closed(closed.handler());
            f.client->read(last.handler());
            end->write(frame_writer(role::client).close(1000).str());
            REQUIRE(run_until(f.context, [&] { return !end->got.empty(); }));
            end->close();
            REQUIRE(run_until(f.context, [&] { return closed.calls == 1; }));
            CHECK(closed.info.clean);
        }
    }
}

TEST_CASE("client: a connection that is left for another one is told so") {
    fixture f;
    test_server server(f.context);
    f.connect(url_of(server));
    const auto first = server.next_with_head();
    accept_on(*first);
    REQUIRE(f.wait());
    REQUIRE(f.opened.done());
    f.connect(url_of(server));
    const auto second = server.next_with_head();
    REQUIRE(run_until(f.context, [&] { return !first->got.empty(); }));
    const auto frames = take_frames(first->got);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].op() == 8);
    CHECK(frames[0].payload == "\x03\xE9"); // 1001
    accept_on(*second);
    REQUIRE(run_until(f.context, [&] { return f.opened.calls == 2; }));
    CHECK_FALSE(f.opened.error);
}

TEST_CASE("client: the system's names, futures and coroutines") {
    io::io_context context;
    test_server server(context);
    net::client client(context);
    SECTION("a future") {
        auto future = client.connect(url_of(server, "ws", "localhost"), io::use_future);
        const auto end = server.next_with_head();
        REQUIRE(end);
        accept_on(*end);
        REQUIRE(run_until(context, [&] {
            return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
        }));
        future.get();
        CHECK(client.is_open());
    }
#if defined(ASIO_HAS_CO_AWAIT) || defined(BOOST_ASIO_HAS_CO_AWAIT)
    SECTION("a coroutine that owns the client") {
        std::string got;
        io::co_spawn(
            context,
            [&, own = std::move(client)]() mutable -> io::awaitable<void> {
                co_await own.connect(url_of(server, "ws", "localhost"), io::use_awaitable);
                got = (co_await own.read(io::use_awaitable)).text();
            },
            io::detached);
        const auto end = server.next_with_head();
        REQUIRE(end);
        accept_on(*end);
        end->write(frame_writer(role::client).text("hello").str());
        REQUIRE(run_until(context, [&] { return !got.empty(); }));
        CHECK(got == "hello");
    }
#endif
    SECTION("a name that nobody has") {
        completion opened;
        client.connect("ws://nowhere.invalid/", opened.handler()); // RFC 6761 6.4
        REQUIRE(run_until(context, [&] { return opened.calls == 1; }));
        CHECK(opened.error);
        CHECK(std::string(client.error_text()).find("cannot find the host nowhere.invalid: ") == 0);
    }
    SECTION("a port that nobody has") {
        completion opened;
        const std::string port = std::to_string(closed_port(context).port());
        client.connect("ws://localhost:" + port, opened.handler());
        REQUIRE(run_until(context, [&] { return opened.calls == 1; }));
        CHECK(opened.error == io::error::connection_refused);
        const std::string text(client.error_text());
        CHECK(text.find("cannot connect to localhost:" + port + " (") == 0);
    }
}

TEST_CASE("client: what cannot be asked for is refused before anything is sent") {
    net::client_options options;
    std::string url = "ws://localhost/";
    const std::string url_text = "the URL cannot be used: ";
    const std::string text = "the request cannot be made: ";
    const auto [set, error, where] = GENERATE(table<std::string, errc, std::string>({
        {"http://localhost/", errc::uri_scheme_not_websocket, ""},
        {"localhost", errc::invalid_uri, ""},
        {"", errc::invalid_uri, ""},
        {"ws://user:secret@localhost/", errc::uri_has_userinfo, ""},
        {"ws://localhost/#secret", errc::uri_has_fragment, ""},
        {"ws://local%68ost/", errc::invalid_host, ""},
        {"ws://localhost/secret path", errc::invalid_target, ""},
        {"header", errc::invalid_field, " (headers[1])"},
        {"name", errc::invalid_field, " (headers[0])"},
        {"own", errc::reserved_field, " (headers[2])"},
        {"origin", errc::invalid_field, " (origin)"},
        {"subprotocol", errc::invalid_subprotocol, " (subprotocols[0])"},
        {"subprotocol twice", errc::invalid_subprotocol, " (subprotocols[2])"},
    }));
    if (set == "header") {
        options.headers = {{"A", "b"}, {"Authorization", "secret\r\nX: y"}};
    } else if (set == "name") {
        options.headers = {{"secret secret", "b"}, {"A", "b"}};
    } else if (set == "own") {
        options.headers = {{"A", "b"}, {"C", "d"}, {"Sec-WebSocket-Key", "secret"}};
    } else if (set == "origin") {
        options.headers = {{"A", "b"}};
        options.origin = "secret\n";
    } else if (set == "subprotocol") {
        options.subprotocols = {"secret secret", "chat"};
    } else if (set == "subprotocol twice") {
        options.subprotocols = {"chat", "other", "chat"};
    } else {
        url = set;
    }
    fixture f(options);
    close_completion closed;
    f.connect(url);
    f.client->closed(closed.handler());
    CHECK(f.opened.calls == 0); // never from within
    poll(f.context);
    CHECK(f.opened.failed(error));
    const std::string& whole = where.empty() ? url_text : text;
    CHECK(f.text() == whole + std::string(message(error)) + where);
    CHECK(f.text().find("secret") == std::string::npos);
    CHECK(test_resolver::asked.empty());
    CHECK(closed.done());
    CHECK(closed.info.error == error);
}

TEST_CASE("client: tries all addresses of a host") {
    fixture f;
    test_server server(f.context);
    const unreachable_port nowhere(f.context);
    const tcp::endpoint closed = closed_port(f.context);
    SECTION("the next one when one fails") {
        f.name(closed);
        f.name(closed);
        f.name(server.endpoint());
        f.connect("ws://example.org:1234/");
        const auto end = server.next_with_head();
        REQUIRE(end);
        accept_on(*end);
        REQUIRE(f.wait());
        CHECK(f.opened.done());
        CHECK(test_resolver::asked == std::vector<std::string>{"example.org 1234"});
    }
    SECTION("the next one when one is slow: RFC 8305 5") {
        const std::size_t before = open_descriptors();
        f.name(nowhere.endpoint());
        f.name(server.endpoint());
        f.connect("ws://example.org/");
        poll(f.context);
        fake_clock::advance(249ms);
        poll(f.context);
        CHECK(server.ends.empty());
        fake_clock::advance(1ms);
        const auto end = server.next_with_head();
        REQUIRE(end);
        // Both ends of the connection that came about, and nothing of the other one.
        CHECK(open_descriptors() == before + 2);
        accept_on(*end);
        REQUIRE(f.wait());
        CHECK(f.opened.done());
    }
    SECTION("until all have failed") {
        f.name(closed);
        f.name({io::ip::make_address("127.0.0.2"), closed.port()});
        f.connect("ws://example.org:1234/");
        REQUIRE(f.wait());
        CHECK(f.opened.failed(io::error::connection_refused));
        CHECK(f.text() == "cannot connect to example.org:1234 (127.0.0.2): " +
                              error_code(io::error::connection_refused).message());
    }
    SECTION("while a slow one is under way, its failure is waited for") {
        f.name(nowhere.endpoint());
        f.name(closed);
        f.connect("ws://example.org/");
        poll(f.context);
        fake_clock::advance(250ms);
        for (int i = 0; i < 100; ++i)
            poll(f.context);
        CHECK(f.opened.calls == 0);
        fake_clock::advance(10s);
        REQUIRE(f.wait());
        CHECK(f.opened.failed(errc::open_timeout));
    }
    SECTION("there are none") {
        f.connect("ws://example.org/");
        REQUIRE(f.wait());
        CHECK(f.opened.failed(io::error::host_not_found));
    }
}

TEST_CASE("dialer: addresses of the two families take turns") {
    const auto at = [](const char* text) { return tcp::endpoint(io::ip::make_address(text), 1); };
    // RFC 8305 4
    CHECK(net::detail::in_turn({at("::1"), at("::2"), at("::3"), at("1.0.0.1"), at("1.0.0.2")}) ==
          std::vector{at("::1"), at("1.0.0.1"), at("::2"), at("1.0.0.2"), at("::3")});
    CHECK(net::detail::in_turn({at("1.0.0.1"), at("1.0.0.2"), at("::1")}) ==
          std::vector{at("1.0.0.1"), at("::1"), at("1.0.0.2")});
    CHECK(net::detail::in_turn({at("1.0.0.1")}) == std::vector{at("1.0.0.1")});
}

// --- Certificates

TEST_CASE("client: a server that does not prove who it is is not talked to") {
    const auto [certificate, host, why] = GENERATE(table<const char*, const char*, const char*>({
        {"wrong_name", "localhost", "(the certificate of CN=wrong_name is for example.org)"},
        {"wrong_address", "127.0.0.1", "(the certificate of CN=wrong_address is for 192.0.2.1)"},
        {"expired", "localhost", "certificate has expired (the certificate of CN=expired)"},
        {"self_signed", "localhost", "(the certificate of CN=localhost)"},
    }));
    fixture f(trusting());
    test_server server(f.context, certificates().of_server(certificate));
    f.name(server.endpoint());
    f.connect(url_of(server, "wss", host));
    REQUIRE(f.wait());
    CHECK(f.opened.calls == 1);
    CHECK(f.opened.error.category() == io::error::get_ssl_category());
    INFO(f.text());
    CHECK(f.text().find("the certificate of " + server.authority(host) + " was not accepted: ") ==
          0);
    CHECK(f.text().find(why) != std::string::npos);
    const auto end = server.next();
    REQUIRE(end);
    REQUIRE(run_until(f.context, [&] { return end->ended; }));
    CHECK(end->got.empty());

    // And let in when that was asked for by its name.
    f.client->options().trust_any_certificate_insecurely = true;
    f.opened = {};
    f.connect(url_of(server, "wss", host));
    const auto again = server.next_with_head();
    REQUIRE(again);
    accept_on(*again);
    REQUIRE(f.wait());
    CHECK(f.opened.done());
    CHECK(f.text().empty());
}

TEST_CASE("client: whom to trust is a choice") {
    fixture f;
    test_server server(f.context, certificates().of_server("good"));
    f.name(server.endpoint());
    const std::string url = url_of(server, "wss", "localhost");
    SECTION("by default whom the system trusts") {
        f.connect(url);
        REQUIRE(f.wait());
        CHECK(f.opened.error.category() == io::error::get_ssl_category());
        CHECK(f.text() == "the certificate of " + server.authority() +
                              " was not accepted: unable to get local issuer certificate "
                              "(the certificate of CN=good)");
    }
    SECTION("a context that is shared") {
        f.client->options().tls = certificates().of_client();
        f.client->options().ca_file = "not looked at";
        f.connect(url);
        const auto end = server.next_with_head();
        REQUIRE(end);
        accept_on(*end);
        REQUIRE(f.wait());
        CHECK(f.opened.done());
    }
    SECTION("a file that is not there") {
        f.client->options().ca_file = certificates().path("none.pem");
        f.connect(url);
        poll(f.context);
        CHECK(f.opened.calls == 1);
        CHECK(f.opened.error);
        CHECK(f.text().find("cannot read the authorities in ") == 0);
        CHECK(server.ends.empty());
    }
    SECTION("a server that speaks no TLS") {
        test_server plain(f.context);
        f.client->options() = trusting();
        f.connect(url_of(plain, "wss"));
        const auto end = plain.next();
        REQUIRE(end);
        end->write("HTTP/1.1 400 Bad Request\r\n\r\n");
        REQUIRE(f.wait());
        CHECK(f.opened.error.category() == io::error::get_ssl_category());
        CHECK(f.text().find("the TLS handshake with " + plain.authority("127.0.0.1") +
                            " failed: ") == 0);
    }
    SECTION("a server that leaves during the handshake") {
        test_server plain(f.context);
        f.client->options() = trusting();
        f.connect(url_of(plain, "wss"));
        const auto end = plain.next();
        REQUIRE(end);
        REQUIRE(run_until(f.context, [&] { return !end->got.empty(); }));
        end->close();
        REQUIRE(f.wait());
        CHECK(f.opened.failed(errc::connection_lost));
        CHECK(f.text() ==
              plain.authority("127.0.0.1") + " ended the connection during the TLS handshake");
    }
}

// --- The proxy

TEST_CASE("client: goes through a proxy, with and without TLS") {
    const bool secure = GENERATE(false, true);
    io::io_context unused;
    fixture f;
    test_server server(f.context, secure ? certificates().of_server("good") : nullptr);
    test_server proxy(f.context);
    f.client->options() = through(proxy);
    std::string credentials;
    SECTION("which lets everybody pass") {}
    SECTION("which wants to know who comes") {
        f.client->options().proxy->user = "Aladdin";
        f.client->options().proxy->password = "open sesame";
        credentials = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="; // RFC 7617 2
    }
    f.connect(url_of(server, secure ? "wss" : "ws", "localhost", "/path"));
    const auto middle = proxy.next_with_head();
    REQUIRE(middle);
    const std::string authority = server.authority();
    CHECK(middle->got.find("CONNECT " + authority + " HTTP/1.1\r\n") == 0);
    CHECK(field_of(middle->got, "Host") == authority);
    CHECK(field_of(middle->got, "Proxy-Authorization") == credentials);
    CHECK(test_resolver::asked.empty()); // names are the proxy's business
    middle->got.clear();

    const auto onward = std::make_shared<test_connection>(
        net::tcp_or_tls(connect_to(f.context, server.endpoint())));
    onward->start(nullptr);
    // In pieces, with a response before the one that counts.
    middle->write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connec");
    poll(f.context);
    middle->write("tion established\r\nContent-Length: 5\r\n\r\n");
    middle->join(onward);
    const auto end = server.next_with_head();
    REQUIRE(end);
    CHECK(end->got.find("GET /path HTTP/1.1\r\n") == 0);
    CHECK(field_of(end->got, "Proxy-Authorization").empty());
    accept_on(*end);
    REQUIRE(f.wait());
    CHECK(f.opened.done());
    CHECK(f.client->proxy_status() == 200);
    read_completion read;
    f.client->read(read.handler());
    end->write(frame_writer(role::client).text("hello").str());
    REQUIRE(run_until(f.context, [&] { return read.calls == 1; }));
    CHECK(read.text == "hello");
}

TEST_CASE("client: through a proxy it is still the server that has to prove who it is") {
    fixture f;
    test_server server(f.context, certificates().of_server("good"));
    test_server proxy(f.context);
    f.client->options() = through(proxy);
    f.connect("wss://example.org/");
    const auto middle = proxy.next_with_head();
    REQUIRE(middle);
    CHECK(middle->got.find("CONNECT example.org:443 HTTP/1.1\r\n") == 0);
    middle->got.clear();
    const auto onward = std::make_shared<test_connection>(
        net::tcp_or_tls(connect_to(f.context, server.endpoint())));
    onward->start(nullptr);
    middle->write("HTTP/1.1 200 OK\r\n\r\n");
    middle->join(onward);
    REQUIRE(f.wait());
    CHECK(f.text().find("the certificate of example.org:443 was not accepted: ") == 0);
}

TEST_CASE("client: what stands behind the proxy's answer is the server's") {
    fixture f;
    test_server proxy(f.context);
    f.client->options() = through(proxy);
    f.connect("ws://example.org/");
    const auto middle = proxy.next_with_head();
    REQUIRE(middle);
    // A server that does not wait to be asked is none.
    middle->write("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(f.wait());
    CHECK(f.opened.failed(errc::upgrade_refused));
    CHECK(f.text() == "example.org:80 answered 403 Forbidden");
    CHECK(f.client->response().status == 403);
    CHECK(f.client->proxy_status() == 200);
}

TEST_CASE("client: a proxy that does not lead to the server") {
    fixture f;
    test_server proxy(f.context);
    f.client->options() = through(proxy);
    f.client->options().proxy->password = "secret";
    std::string who = "the proxy " + proxy.authority("127.0.0.1");
    SECTION("answers") {
        const auto [answer, error, text,
                    status] = GENERATE(table<std::string, errc, std::string, int>({
            {"HTTP/1.1 407 Proxy Authentication Required\r\n"
             "Proxy-Authenticate: Basic\r\nContent-Length: 6\r\n\r\nsecret",
             errc::proxy_refused, " answered 407 Proxy Authentication Required", 407},
            {"HTTP/1.1 502 \xFF\x80\r\n\r\n", errc::proxy_refused, " answered 502 \?\?", 502},
            {"HTTP/1.1 504\r\n\r\n", errc::proxy_refused, " answered 504", 504},
            {"HTTP/1.0 200 OK\r\n\r\n", errc::success, "", 200}, // RFC 9112: old ones do
            {"SSH-2.0-OpenSSH\r\n\r\n", errc::bad_status_line,
             " did not answer as an HTTP proxy does: the HTTP status line is malformed", 0},
            {"HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", errc::head_too_large,
             " did not answer as an HTTP proxy does: the HTTP head is larger than the limit", 0},
        }));
        f.connect("ws://example.org/?secret");
        const auto middle = proxy.next_with_head();
        REQUIRE(middle);
        middle->write(answer);
        if (error == errc::success) {
            REQUIRE(run_until(f.context,
                              [&] { return middle->got.find("GET /") != std::string::npos; }));
            return;
        }
        REQUIRE(f.wait());
        CHECK(f.opened.failed(error));
        CHECK(f.text() == who + text);
        CHECK(f.client->proxy_status() == status);
        CHECK(f.client->response().status == 0);
        REQUIRE(run_until(f.context, [&] { return middle->ended; }));
    }
    SECTION("leaves") {
        const bool in_the_middle = GENERATE(false, true);
        f.connect("ws://example.org/");
        const auto middle = proxy.next_with_head();
        REQUIRE(middle);
        if (in_the_middle) {
            middle->write("HTTP/1.1 200 O");
            poll(f.context);
        }
        middle->close();
        REQUIRE(f.wait());
        CHECK(f.opened.failed(errc::connection_lost));
        CHECK(f.text() == who + " ended the connection without an answer");
    }
    SECTION("is not there") {
        const tcp::endpoint closed = closed_port(f.context);
        f.client->options().proxy->port = closed.port();
        f.connect("ws://example.org/");
        REQUIRE(f.wait());
        CHECK(f.opened.failed(io::error::connection_refused));
        CHECK(f.text() == "cannot connect to the proxy 127.0.0.1:" + std::to_string(closed.port()) +
                              ": " + error_code(io::error::connection_refused).message());
    }
    SECTION("is not known") {
        f.client->options().proxy->host = "proxy.example.org";
        f.connect("ws://example.org/");
        REQUIRE(f.wait());
        CHECK(f.opened.failed(io::error::host_not_found));
        CHECK(f.text().find("cannot find the proxy proxy.example.org: ") == 0);
    }
    SECTION("cannot be told who comes") {
        f.client->options().proxy->user = "with:colon"; // RFC 7617 2
        f.connect("ws://example.org/");
        REQUIRE(f.wait());
        CHECK(f.opened.failed(errc::invalid_field));
        CHECK(f.text() == "cannot ask " + who +
                              " for a connection: a header field has a name or value that is not "
                              "allowed");
    }
    CHECK(f.text().find("secret") == std::string::npos);
    CHECK(f.text().find("colon ") == std::string::npos);
}

// --- The server's answer

TEST_CASE("client: a refusal is told with status, headers and body") {
    fixture f;
    test_server server(f.context);
    const auto [head, status, text] = GENERATE(table<std::string, int, std::string>({
        {"HTTP/1.1 403 Forbidden\r\nX-Why: closed\r\n", 403, " answered 403 Forbidden"},
        {"HTTP/1.1 401 \r\nX-Why: closed\r\n", 401, " answered 401"},
        // Not followed: the server has to be asked for what it is meant to be asked for.
        {"HTTP/1.1 302 Found\r\nX-Why: closed\r\nLocation: ws://127.0.0.1:1/\r\n", 302,
         " answered 302 Found"},
        {"HTTP/1.1 500 \x80\xFF\t!\r\nX-Why: closed\r\n", 500, " answered 500 \?\?\?!"},
    }));
    f.connect(url_of(server, "ws", "127.0.0.1", "/?secret"));
    const auto end = server.next_with_head();
    REQUIRE(end);
    end->write(head + "Content-Length: 6\r\n\r\nclosed");
    REQUIRE(f.wait());
    CHECK(f.opened.failed(errc::upgrade_refused));
    CHECK(f.text() == server.authority("127.0.0.1") + text);
    const net::http_response& response = f.client->response();
    CHECK(response.status == status);
    CHECK(response.body == "closed");
    REQUIRE(response.headers.size() >= 2);
    CHECK(response.headers[0] == std::pair<std::string, std::string>("X-Why", "closed"));
    CHECK_FALSE(f.client->is_open());
    CHECK(f.client->close_result().error == errc::upgrade_refused);
    CHECK(server.ends.size() == 1);
}

TEST_CASE("client: an answer that is none") {
    fixture f;
    test_server server(f.context);
    const std::string who = server.authority("127.0.0.1");
    f.connect(url_of(server));
    const auto end = server.next_with_head();
    REQUIRE(end);
    SECTION("of the wrong kind") {
        end->write("220 mail.example.org ESMTP\r\n");
        REQUIRE(f.wait());
        CHECK(f.opened.failed(errc::bad_status_line));
        CHECK(f.text() == who + " did not answer as a WebSocket server does: the HTTP status line "
                                "is malformed");
    }
    SECTION("to another question") {
        end->write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: bm8=\r\n\r\n");
        REQUIRE(f.wait());
        CHECK(f.opened.failed(errc::wrong_accept));
        CHECK(f.text() == who + " did not answer as a WebSocket server does: " +
                              std::string(message(errc::wrong_accept)));
    }
    SECTION("at all") {
        end->close();
        REQUIRE(f.wait());
        CHECK(f.opened.failed(errc::connection_lost));
        CHECK(f.text() == who + " ended the connection without an answer");
    }
    CHECK(f.client->close_result().error == f.opened.error);
}

TEST_CASE("client: before a connection and after its failure nothing can be sent or read") {
    fixture f;
    CHECK_FALSE(f.client->is_open());
    CHECK(f.client->send_text("x").error == errc::not_open);
    const tcp::endpoint closed = closed_port(f.context);
    f.connect("ws://127.0.0.1:" + std::to_string(closed.port()));
    CHECK(f.client->send_text("x").error == errc::not_open);
    read_completion early;
    f.client->read(early.handler());
    close_completion ended;
    f.client->closed(ended.handler());
    REQUIRE(f.wait());
    REQUIRE(run_until(f.context, [&] { return early.calls == 1 && ended.calls == 1; }));
    CHECK(early.error == io::error::connection_refused);
    CHECK(ended.info.error == io::error::connection_refused);
    read_completion late;
    f.client->read(late.handler());
    poll(f.context);
    CHECK(late.failed(io::error::connection_refused));
    CHECK(f.client->send_text("x").error == errc::not_open);
}

// --- Giving up, in each phase

namespace {

// A connection attempt that has got as far as a phase, and no further.
enum class stage { resolving, connecting, proxy, tls, handshake, refusal };

struct stuck : fixture {
    explicit stuck(stage wanted) {
        std::string url = "ws://example.org/";
        switch (wanted) {
        case stage::resolving:
            test_resolver::silent = true;
            words = "no address for example.org within 10 s";
            break;
        case stage::connecting:
            nowhere.emplace(context);
            name(nowhere->endpoint());
            words = "no connection to example.org:80 within 10 s";
            break;
        case stage::proxy:
            server.emplace(context);
            client->options() = through(*server);
            words = "no answer from the proxy " + server->authority("127.0.0.1") + " within 10 s";
            break;
        case stage::tls:
            server.emplace(context);
            name(server->endpoint());
            url = "wss://example.org/";
            words = "no TLS connection to example.org:443 within 10 s";
            break;
        case stage::handshake:
        case stage::refusal:
            server.emplace(context);
            name(server->endpoint());
            words = "example.org:80 did not finish the opening handshake within 10 s";
            break;
        }
        connect(url);
        if (server) {
            end = server->next();
            if (end) (void)run_until(context, [&] { return !end->got.empty(); });
        }
        if (wanted == stage::refusal) {
            words = "example.org:80 answered 403 Forbidden";
            end->write("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nincomplete");
            (void)run_until(context, [&] { return client->response().status == 403; });
        }
        for (int i = 0; i < 10; ++i)
            poll(context);
        ready = opened.calls == 0 && (!server || (end && !end->got.empty()));
    }
    // The far end, if there is one, sees that nobody is there any more.
    [[nodiscard]] bool left() {
        return !end || run_until(context, [&] { return end->ended; });
    }

    std::optional<unreachable_port> nowhere;
    std::optional<test_server> server;
    std::shared_ptr<test_connection> end;
    std::string words; // of the time-out
    bool ready = false;
};

stage any_stage() {
    return GENERATE(stage::resolving, stage::connecting, stage::proxy, stage::tls, stage::handshake,
                    stage::refusal);
}

} // namespace

TEST_CASE("client: the time for all of it is limited, wherever it gets stuck") {
    const stage where = any_stage();
    stuck s(where);
    REQUIRE(s.ready);
    fake_clock::advance(9'999ms);
    for (int i = 0; i < 10; ++i) {
        // Bytes that trickle in do not extend it.
        if (where == stage::handshake && i == 0) s.end->write("HTTP/1.1 1");
        if (where == stage::proxy && i == 0) s.end->write("HTTP/1.1 2");
        poll(s.context);
    }
    CHECK(s.opened.calls == 0);
    close_completion closed;
    s.client->closed(closed.handler());
    fake_clock::advance(1ms);
    REQUIRE(s.wait());
    const errc expected = where == stage::refusal ? errc::upgrade_refused : errc::open_timeout;
    CHECK(s.opened.failed(expected));
    CHECK(s.text() == s.words);
    REQUIRE(run_until(s.context, [&] { return closed.calls == 1; }));
    CHECK(closed.info.error == expected);
    CHECK(s.left());
}

TEST_CASE("client: without a limit it takes as long as it takes") {
    fixture f;
    f.client->options().stream.timeouts.open = 0ms;
    test_server server(f.context);
    f.connect(url_of(server));
    const auto end = server.next_with_head();
    REQUIRE(end);
    fake_clock::advance(1'000h);
    for (int i = 0; i < 10; ++i)
        poll(f.context);
    CHECK(f.opened.calls == 0);
    accept_on(*end);
    REQUIRE(f.wait());
    CHECK(f.opened.done());
}

TEST_CASE("client: the limit ends with the opening") {
    fixture f;
    test_server server(f.context);
    f.connect(url_of(server));
    const auto end = server.next_with_head();
    REQUIRE(end);
    accept_on(*end);
    REQUIRE(f.wait());
    fake_clock::advance(15s);
    for (int i = 0; i < 10; ++i)
        poll(f.context);
    CHECK(f.client->is_open());
}

TEST_CASE("client: closing and aborting give it up, wherever it is") {
    stuck s(any_stage());
    REQUIRE(s.ready);
    close_completion closed;
    s.client->closed(closed.handler());
    switch (GENERATE(0, 1)) {
    case 0: CHECK(s.client->close() == errc::success); break;
    default: s.client->abort(); break;
    }
    CHECK(s.opened.calls == 0);
    REQUIRE(s.wait());
    CHECK(s.opened.failed(io::error::operation_aborted));
    CHECK(s.text() == "connecting was given up");
    REQUIRE(run_until(s.context, [&] { return closed.calls == 1; }));
    CHECK(closed.info.error == io::error::operation_aborted);
    CHECK(s.left());
    fake_clock::advance(20s);
    poll(s.context);
    CHECK(s.opened.calls == 1);
}

#if FRAMEWIRE_ASIO_HAS_CANCELLATION
TEST_CASE("client: it can be cancelled wherever it is") {
    const stage where = any_stage();
    io::cancellation_signal signal;
    stuck s(where);
    REQUIRE(s.ready);
    // The first attempt is given up for this one, which gets as far.
    completion second;
    s.client->connect(where == stage::tls ? "wss://example.org/" : "ws://example.org/",
                      io::bind_cancellation_slot(signal.slot(), second.handler()));
    REQUIRE(s.wait());
    CHECK(s.opened.failed(io::error::operation_aborted));
    if (s.server) {
        s.end = s.server->next();
        REQUIRE(s.end);
        REQUIRE(run_until(s.context, [&] { return !s.end->got.empty(); }));
    }
    for (int i = 0; i < 10; ++i)
        poll(s.context);
    signal.emit(io::cancellation_type::none);
    poll(s.context);
    CHECK(second.calls == 0);
    signal.emit(GENERATE(io::cancellation_type::total, io::cancellation_type::terminal));
    CHECK(second.calls == 0);
    REQUIRE(run_until(s.context, [&] { return second.calls != 0; }));
    CHECK(second.failed(io::error::operation_aborted));
    CHECK(s.client->close_result().error == io::error::operation_aborted);
    CHECK(s.left());
    signal.emit(io::cancellation_type::terminal); // does nothing more
}
#endif

TEST_CASE("client: it can be destroyed, moved and assigned to wherever it is") {
    stuck s(any_stage());
    REQUIRE(s.ready);
    SECTION("destroyed: nobody is called any more") {
        s.client.reset();
        fake_clock::advance(20s);
        CHECK(s.left());
        poll(s.context);
        CHECK(s.opened.calls == 0);
    }
    SECTION("assigned to: the same") {
        *s.client = fake_client(s.context);
        fake_clock::advance(20s);
        CHECK(s.left());
        poll(s.context);
        CHECK(s.opened.calls == 0);
    }
    SECTION("moved: it goes on") {
        fake_client other(std::move(*s.client));
        fake_clock::advance(10s);
        REQUIRE(s.wait());
        CHECK(other.error_text() == s.words);
        *s.client = std::move(other);
        CHECK(s.text() == s.words);
    }
}

TEST_CASE("client: the execution context can end wherever it is") {
    const auto owned = std::make_shared<int>();
    {
        stuck s(any_stage());
        REQUIRE(s.ready);
        // What waits owns the client.
        const auto client = std::make_shared<fake_client>(std::move(*s.client));
        client->closed([client, owned](const error_code&, const net::close_info&) {});
        client->read([client, owned](const error_code&, const net::message&) {});
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE("client: a handler that owns its client goes with the execution context") {
    const auto owned = std::make_shared<int>();
    {
        io::io_context context;
        const unreachable_port nowhere(context);
        const auto client = std::make_shared<net::client>(context);
        client->connect("ws://127.0.0.1:" + std::to_string(nowhere.endpoint().port()),
                        [client, owned](const error_code&) {});
        poll(context);
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE("client: a new attempt ends the one before") {
    stuck s(any_stage());
    REQUIRE(s.ready);
    s.client->options().proxy.reset();
    completion second;
    test_server server(s.context);
    s.client->connect(url_of(server), second.handler());
    const auto end = server.next_with_head();
    REQUIRE(end);
    accept_on(*end);
    REQUIRE(run_until(s.context, [&] { return second.calls == 1; }));
    CHECK(second.done());
    CHECK(s.opened.failed(io::error::operation_aborted));
    CHECK(s.text().empty());
    CHECK(s.left());
    fake_clock::advance(15s);
    poll(s.context);
    CHECK(s.client->is_open());
}
