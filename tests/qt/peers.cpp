// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Both roles against npm's ws and Python's websockets, with and without TLS and compression. The
// programs stand in tests/peers; each language has a server that echoes and a client that checks
// the echoes.

#include <framewire/qt/client.hpp>
#include <framewire/qt/deflate.hpp>
#include <framewire/qt/server.hpp>

#include "qt/support/certificates.hpp"
#include "qt/support/process.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <QFileInfo>

#include <string>

using namespace framewire;
using namespace framewire::test;

namespace {

struct language {
    const char* name;
    const char* program;
    const char* suffix;
};

// Debian's module belongs to Debian's interpreter, which need not be the first one in PATH.
constexpr language npm_ws{"npm ws", "node", ".js"};
constexpr language python{"python websockets", "/usr/bin/python3", ".py"};

QString program(const language& l) {
    QString path = QString::fromLatin1(l.program);
    if (!path.startsWith(QLatin1Char('/')) || QFileInfo::exists(path)) return path;
    return QFileInfo(path).fileName();
}

QStringList arguments(const language& l, const char* role, const QStringList& more) {
    return QStringList{QStringLiteral(FRAMEWIRE_PEERS "/") + QString::fromLatin1(role) +
                       QString::fromLatin1(l.suffix)} +
           more;
}

} // namespace

TEST_CASE("peer: our client talks to a server in another language") {
    const language peer = GENERATE(npm_ws, python);
    const bool tls = GENERATE(false, true);
    const bool compressed = GENERATE(false, true);
    CAPTURE(peer.name, tls, compressed);
    QStringList with;
    qt::client_options options;
    if (tls) {
        with = {certificates().path("good.pem"), certificates().path("good.key")};
        options.tls = certificates().of_client();
    }
    options.subprotocols = {"other", "echo"};
    if (compressed) options.extension = qt::deflate();
    peer_process server(program(peer), arguments(peer, "server", with));
    const QUrl url(QStringLiteral("%1://localhost:%2/path?query")
                       .arg(tls ? QStringLiteral("wss") : QStringLiteral("ws"))
                       .arg(server.wait_for_port()));
    test_client c;
    c.open(url, options);
    REQUIRE(c.wait_for_text("open"));
    CHECK(c.ws.subprotocol() == "echo");
    CHECK(c.ws.extensions().startsWith("permessage-deflate") == compressed);
    c.ws.send_text("h\xC3\xA9llo");
    c.ws.send_text("");
    c.ws.send_binary(QByteArray("\0\xFF", 2));
    c.ws.send_fragment(opcode::text, "\xE2\x82", false);
    c.ws.send_fragment(opcode::text, "\xAC", true);
    c.ws.ping("p");
    c.ws.send_text("please ping");
    c.ws.send_binary(QByteArray(1'000'000, 'b'));
    REQUIRE(c.wait_for_text("binary(1000000 bytes)"));
    REQUIRE(c.wait_for_text("pong(p)"));
    REQUIRE(c.wait_for_text("ping(from the server)"));
    CHECK(c.has("text(h\xC3\xA9llo)"));
    CHECK(c.has("text()"));
    CHECK(c.has(std::string_view("binary(\0\xFF)", 10)));
    CHECK(c.has("text(\xE2\x82\xAC)"));

    SECTION("we close") {
        c.ws.close(close_code{4000}, "done");
        REQUIRE(c.wait_for_end());
        CHECK(c.has("closed(4000"));
        CHECK(c.info.clean);
        CHECK_FALSE(c.info.by_peer);
        CHECK(server.wait_for_text("closed 4000 done\n"));
    }
    SECTION("it closes") {
        c.ws.send_text("please close");
        REQUIRE(c.wait_for_end());
        CHECK(c.has("closing closed(4001 \"bye\" clean by_peer)"));
        CHECK(server.wait_for_text("closed 4001"));
    }
    SECTION("it vanishes") {
        c.ws.send_text("please vanish");
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == errc::connection_lost);
    }
}

TEST_CASE("peer: a client in another language talks to our server") {
    const language peer = GENERATE(npm_ws, python);
    const bool tls = GENERATE(false, true);
    const bool compressed = GENERATE(false, true);
    CAPTURE(peer.name, tls, compressed);
    qt::server_options options;
    if (compressed) options.extension = qt::deflate();
    options.subprotocols = {"echo"};
    if (tls) options.tls = certificates().of_server("good");
    test_server server(options);
    const QUrl url = server.url(QStringLiteral("/path?query"));
    QStringList with{url.toString()};
    if (tls) with += certificates().path("ca.pem");
    peer_process client(program(peer), arguments(peer, "client", with));
    REQUIRE(client.wait_for_success());
    CHECK(client.output == "echoes are right\n");
    REQUIRE(server.wait_for_sessions(2));
    CHECK(server.sessions[0]->extensions.startsWith("permessage-deflate") == compressed);
    // The first connection is closed by the client, the second by us.
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->has("closed(4000 \"done\" clean by_peer)"));
    CHECK(server.sessions[0]->has("ping(p)"));
    CHECK(server.sessions[0]->offered == QStringList{"other", "echo"});
    REQUIRE(server.sessions[1]->wait_for_end());
    CHECK(server.sessions[1]->has("closed(4001"));
    CHECK(server.sessions[1]->info.clean);
    CHECK_FALSE(server.sessions[1]->info.by_peer);
    CHECK(server.failed.empty());
}
