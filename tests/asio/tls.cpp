// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/tls.hpp>

#include "asio/support/certificates.hpp"
#include "asio/support/sockets.hpp"
#include "support/catch.hpp"

#include <framewire/asio/client_stream.hpp>
#include <framewire/asio/server_stream.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace framewire;
using namespace framewire::test;
namespace io = net::io;
namespace ssl = io::ssl;
using net::error_code;
using tls_stream = ssl::stream<any_socket>;

namespace {

// Two sockets that are connected to each other, each with TLS over it, no handshake done.
struct tls_pair {
    explicit tls_pair(const std::shared_ptr<ssl::context>& server_context,
                      const std::shared_ptr<ssl::context>& client_context) {
        io::ip::tcp::acceptor acceptor(context, {io::ip::address_v4::loopback(), 0});
        client.emplace(connect_to(context, acceptor.local_endpoint()), *client_context);
        server.emplace(acceptor.accept(io::any_io_executor(context.get_executor())),
                       *server_context);
    }

    // The client's result. The server's is what it is.
    error_code shake_hands() {
        int done = 0;
        server->async_handshake(ssl::stream_base::server, [&](const error_code& e) {
            server_error = e;
            ++done;
        });
        client->async_handshake(ssl::stream_base::client, [&](const error_code& e) {
            client_error = e;
            ++done;
            error_code ignored;
            if (e) client->lowest_layer().close(ignored);
        });
        if (!run_until(context, [&] { return done == 2; })) client_error = io::error::timed_out;
        return client_error;
    }

    [[nodiscard]] bool talk() {
        std::string got;
        std::array<char, 5> room{};
        io::async_write(*client, io::buffer("hello", 5), [](const error_code&, std::size_t) {});
        io::async_read(*server, io::buffer(room), [&](const error_code& e, std::size_t) {
            got = e ? e.message() : std::string(room.data(), room.size());
        });
        return run_until(context, [&] { return !got.empty(); }) && got == "hello";
    }

    [[nodiscard]] std::string name_told() {
        const char* const name =
            SSL_get_servername(server->native_handle(), TLSEXT_NAMETYPE_host_name);
        return name != nullptr ? name : "";
    }

    io::io_context context;
    std::optional<tls_stream> client;
    std::optional<tls_stream> server;
    error_code client_error;
    error_code server_error;
};

tls_pair* pair_with(const char* certificate) {
    return new tls_pair(certificates().of_server(certificate), certificates().of_client());
}

} // namespace

TEST_CASE("tls: a client goes on with a server whose certificate is for the host") {
    const auto [certificate, host, told] = GENERATE(table<const char*, const char*, const char*>({
        {"good", "localhost", "localhost"},
        {"good", "LOCALHOST", "LOCALHOST"},
        {"good", "localhost.", "localhost"}, // RFC 6066 3: without the dot
        {"good", "127.0.0.1", ""},           // RFC 6066 3: no addresses
        {"good", "::1", ""},
        {"chain", "localhost", "localhost"},
        {"wildcard", "a.example.org", "a.example.org"},
    }));
    INFO(certificate << " as " << host);
    const std::unique_ptr<tls_pair> pair(pair_with(certificate));
    REQUIRE_FALSE(net::prepare_tls(*pair->client, host));
    REQUIRE_FALSE(pair->shake_hands());
    REQUIRE_FALSE(pair->server_error);
    CHECK(pair->name_told() == told);
    CHECK(net::certificate_problem(*pair->client).empty());
    CHECK(pair->talk());
}

TEST_CASE("tls: a certificate that proves nothing is refused, and the text says what is wrong") {
    const auto [certificate, host, why] = GENERATE(table<const char*, const char*, const char*>({
        {"wrong_name", "localhost", "(the certificate of CN=wrong_name is for example.org)"},
        {"wrong_name", "127.0.0.1", "(the certificate of CN=wrong_name is for example.org)"},
        {"wrong_address", "127.0.0.1", "(the certificate of CN=wrong_address is for 192.0.2.1)"},
        {"wrong_address", "localhost", "(the certificate of CN=wrong_address is for 192.0.2.1)"},
        {"good", "127.0.0.2", "(the certificate of CN=good is for localhost, 127.0.0.1, ::1)"},
        {"good", "::2", "(the certificate of CN=good is for localhost, 127.0.0.1, ::1)"},
        {"good", "host", "(the certificate of CN=good is for localhost, 127.0.0.1, ::1)"},
        // RFC 9525 2, 6.3: the common name of the subject does not count.
        {"common_name", "localhost", "(the certificate of CN=localhost is for no host)"},
        // RFC 9525 6.3: a wildcard is one whole label.
        {"wildcard", "a.b.example.org", " is for *.example.org, f*.example.com)"},
        {"wildcard", "example.org", " is for *.example.org, f*.example.com)"},
        {"wildcard", "foo.example.com", " is for *.example.org, f*.example.com)"},
        {"expired", "localhost", "certificate has expired (the certificate of CN=expired)"},
        {"self_signed", "localhost", " (the certificate of CN=localhost)"},
    }));
    INFO(certificate << " as " << host);
    const std::unique_ptr<tls_pair> pair(pair_with(certificate));
    REQUIRE_FALSE(net::prepare_tls(*pair->client, host));
    const error_code error = pair->shake_hands();
    CHECK(error.category() == io::error::get_ssl_category());
    CHECK(pair->server_error);
    const std::string problem = net::certificate_problem(*pair->client);
    INFO(problem);
    CHECK(problem.find(why) != std::string::npos);
}

TEST_CASE("tls: an authority that the system does not know is not trusted") {
    const net::tls_setup& setup = net::default_client_tls();
    REQUIRE(setup);
    CHECK(net::default_client_tls().context == setup.context);
    tls_pair pair(certificates().of_server("good"), setup.context);
    REQUIRE_FALSE(net::prepare_tls(*pair.client, "localhost"));
    CHECK(pair.shake_hands());
    CHECK(net::certificate_problem(*pair.client) ==
          "unable to get local issuer certificate (the certificate of CN=good)");
}

TEST_CASE("tls: anyone is trusted when that was asked for by its name") {
    const auto* const certificate = GENERATE("wrong_name", "expired", "self_signed");
    tls_pair pair(certificates().of_server(certificate), net::default_client_tls().context);
    REQUIRE_FALSE(net::prepare_tls_trusting_anyone_insecurely(*pair.client, "localhost"));
    REQUIRE_FALSE(pair.shake_hands());
    CHECK(pair.name_told() == "localhost");
    CHECK(pair.talk());
}

TEST_CASE("tls: what the owner of the context set") {
    const auto context = certificates().of_client();
    int asked = 0;
    SECTION("to verify nothing is overruled") {
        context->set_verify_mode(ssl::verify_none);
        tls_pair pair(certificates().of_server("wrong_name"), context);
        REQUIRE_FALSE(net::prepare_tls(*pair.client, "localhost"));
        CHECK(pair.shake_hands());
    }
    SECTION("a callback that says no") {
        context->set_verify_callback([&](bool, ssl::verify_context&) {
            ++asked;
            return false;
        });
        tls_pair pair(certificates().of_server("good"), context);
        REQUIRE_FALSE(net::prepare_tls(*pair.client, "localhost"));
        CHECK(pair.shake_hands());
        CHECK(asked == 1);
        CHECK_FALSE(net::certificate_problem(*pair.client).empty());
    }
    SECTION("a callback that looks on") {
        context->set_verify_callback([&](bool valid, ssl::verify_context&) {
            ++asked;
            return valid;
        });
        tls_pair pair(certificates().of_server("good"), context);
        REQUIRE_FALSE(net::prepare_tls(*pair.client, "localhost"));
        REQUIRE_FALSE(net::prepare_tls(*pair.client, "localhost")); // twice is as good as once
        CHECK_FALSE(pair.shake_hands());
        CHECK(asked == 2); // the authority's certificate and the server's
    }
}

TEST_CASE("tls: what is not a host cannot be checked, and is refused") {
    const std::string host =
        GENERATE(as<std::string>{}, "", ".", ".example.org", std::string("example.org\0.evil", 17));
    tls_pair pair(certificates().of_server("good"), certificates().of_client());
    CHECK(net::prepare_tls(*pair.client, host) == io::error::invalid_argument);
    CHECK(net::prepare_tls_trusting_anyone_insecurely(*pair.client, host) ==
          io::error::invalid_argument);
}

TEST_CASE("tls: old versions are not spoken") {
    for (const auto& context : {certificates().of_client(), certificates().of_server("good"),
                                net::default_client_tls().context}) {
        CHECK(SSL_CTX_get_min_proto_version(context->native_handle()) == TLS1_2_VERSION);
    }
}

TEST_CASE("tls: what is wrong with a server's files is said") {
    const auto path = [](const char* name) { return certificates().path(name); };
    const auto [chain, key, why] = GENERATE(table<const char*, const char*, const char*>({
        {"none.pem", "good.key", "cannot read the certificate FOLDER/none.pem: No such file"},
        {"", "good.key", "cannot read the certificate FOLDER/: Is a directory"},
        {"good.key", "good.key", "there is no certificate in PEM form in FOLDER/good.key"},
        {"good.pem", "none.key", "cannot read the private key FOLDER/none.key: No such file"},
        {"good.pem", "good.pem",
         "there is no private key in PEM form and without a passphrase in FOLDER/good.pem"},
        {"good.pem", "encrypted.key",
         "there is no private key in PEM form and without a passphrase in FOLDER/encrypted.key"},
        {"good.pem", "expired.key",
         "the private key in FOLDER/expired.key is not the one of the certificate in "
         "FOLDER/good.pem"},
    }));
    const net::tls_setup setup = net::make_server_tls(path(chain), path(key));
    CHECK_FALSE(setup);
    CHECK(setup.error);
    std::string expected = why;
    for (auto at = expected.find("FOLDER/"); at != std::string::npos; at = expected.find("FOLDER/"))
        expected.replace(at, 7, path(""));
    CHECK(setup.error_text.substr(0, expected.size()) == expected);
}

TEST_CASE("tls: what is wrong with a client's authorities is said") {
    const std::string missing = certificates().path("none.pem");
    const net::tls_setup none = net::make_client_tls(missing);
    CHECK_FALSE(none);
    CHECK(none.error == io::error::basic_errors(ENOENT));
    CHECK(none.error_text.find("cannot read the authorities in " + missing + ": No such file") ==
          0);
    const std::string key = certificates().path("good.key");
    const net::tls_setup wrong = net::make_client_tls(key);
    CHECK_FALSE(wrong);
    CHECK(wrong.error_text == "there is no certificate in PEM form in " + key);
    // Nothing is left for the next to stumble over.
    CHECK(ERR_peek_error() == 0);
}

namespace {

// A WebSocket connection over TLS.
struct secure_connection {
    explicit secure_connection(const net::server_options& server_options) {
        ready = [&] {
            tls_pair& pair = *sockets;
            if (net::prepare_tls(*pair.client, "localhost") || pair.shake_hands()) return false;
            server.emplace(std::move(*pair.server), server_options);
            client.emplace(std::move(*pair.client));
            int open = 0;
            server->read_request([&](const error_code& error, upgrade_request) {
                if (error) return;
                server->accept({}, [&](const error_code& e) { open += e ? 0 : 1; });
            });
            client_request request;
            request.host = "localhost";
            client->handshake(request, [&](const error_code& e) { open += e ? 0 : 1; });
            return run_until(sockets->context, [&] { return open == 2; });
        }();
    }
    // Runs until both ends have ended.
    [[nodiscard]] bool wait_for_end() {
        int ended = 0;
        const auto note = [&](const error_code&, const net::close_info&) { ++ended; };
        server->closed(note);
        client->closed(note);
        return run_until(sockets->context, [&] { return ended == 2; });
    }

    std::unique_ptr<tls_pair> sockets{pair_with("good")};
    std::optional<net::server_stream<tls_stream>> server;
    std::optional<net::client_stream<tls_stream>> client;
    bool ready = false;
};

} // namespace

TEST_CASE("tls: messages of all sizes go both ways, and either side closes") {
    secure_connection c({net::origin_policy::none(), {}});
    REQUIRE(c.ready);
    for (const std::size_t size : {1u, 125u, 65'536u, 1'000'000u}) {
        std::string there;
        std::string back;
        const std::string sent(size, 'x');
        c.server->read(there, [&](const error_code& error, opcode) {
            if (!error) (void)c.server->send_text(there);
        });
        c.client->read(back, [](const error_code&, opcode) {});
        REQUIRE(c.client->send_text(sent));
        REQUIRE(run_until(c.sockets->context, [&] { return back.size() == size; }));
        CHECK(back == sent);
    }
    const bool by_client = GENERATE(true, false);
    if (by_client) {
        c.client->close(close_code::normal, "done");
    } else {
        c.server->close(close_code::normal, "done");
    }
    REQUIRE(c.wait_for_end());
    CHECK(c.client->close_result().clean);
    CHECK(c.server->close_result().clean);
    CHECK_FALSE(c.client->close_result().error);
    CHECK_FALSE(c.server->close_result().error);
    CHECK(c.client->close_result().by_peer != by_client);
    CHECK((by_client ? c.server->close_result() : c.client->close_result()).reason == "done");
}

TEST_CASE("tls: who goes on sending can still read why it was cut off") {
    net::server_options options{net::origin_policy::none(), {}};
    options.stream.limits.max_message_size = 1'000;
    secure_connection c(options);
    REQUIRE(c.ready);
    REQUIRE(c.client->send_text(std::string(8'000'000, 'x')));
    REQUIRE(c.wait_for_end());
    CHECK(c.client->close_result().code == close_code::message_too_big);
    CHECK(c.server->close_result().error == errc::message_too_big);
}

TEST_CASE("tls: the end waits for a peer that goes on sending, and throws away what comes") {
    const std::unique_ptr<tls_pair> pair(pair_with("good"));
    REQUIRE_FALSE(net::prepare_tls(*pair->client, "localhost"));
    REQUIRE_FALSE(pair->shake_hands());
    std::string all(300'000, 'x');
    bool sent = false;
    io::async_write(*pair->client, io::buffer(all),
                    [&](const error_code& e, std::size_t) { sent = !e; });
    int ended = 0;
    net::transport_traits<tls_stream>::async_shutdown(*pair->server,
                                                      [&](const error_code&) { ++ended; });
    REQUIRE(run_until(pair->context, [&] { return sent || ended != 0; }));
    poll(pair->context);
    CHECK(ended == 0);
    SECTION("the peer ends") { pair->client->lowest_layer().close(); }
    SECTION("this side has waited enough") {
        net::transport_traits<tls_stream>::close(*pair->server);
    }
    REQUIRE(run_until(pair->context, [&] { return ended == 1; }));
}

TEST_CASE("tls: an end without close_notify is told from a regular one") {
    secure_connection c({net::origin_policy::none(), {}});
    REQUIRE(c.ready);
    c.server->next_layer().next_layer().close();
    REQUIRE(c.wait_for_end());
    CHECK(c.client->close_result().error == ssl::error::stream_truncated);
    CHECK_FALSE(c.client->close_result().clean);
}
