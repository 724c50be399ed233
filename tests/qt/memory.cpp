// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Every allocation that an application's call makes is refused in turn, by itself and with all
// behind it: the call has then done nothing, and what ends something needs none.
//
// Qt itself cannot go on when it is refused memory: a connect() that has thrown leaves a list of
// connections that is never left again when its object goes, and no exception may pass through the
// event loop. So these are the calls of an application, and what the adapter itself allocates.

#include <framewire/prepared_message.hpp>
#include <framewire/qt/client.hpp>
#include <framewire/qt/deflate.hpp>
#include <framewire/qt/server.hpp>

#include "qt/support/faulty_device.hpp"
#include "qt/support/loop.hpp"
#include "qt/support/raw.hpp"
#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/peer.hpp"

#include <QUrl>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;

namespace {

/// A client or a server over a device in memory, and the session that comes of it.
class application {
public:
    explicit application(role side) : side_(side) {
        if (side == role::client) {
            auto made = std::make_unique<qt::client>();
            client_ = made.get();
            session = std::move(made);
            listen();
        } else {
            server.emplace();
            server->on_session = [this](std::unique_ptr<qt::session> opened, const qt::request&) {
                session = std::move(opened);
                listen();
            };
            server->on_failed_handshake = [this](const qt::close_info&) { ++ends; };
        }
    }
    application(const application&) = delete;
    application& operator=(const application&) = delete;

    /// \returns whether there was memory for it.
    bool begin(device_wire& wire, throwing_allocations& refusing) {
        auto device = std::make_unique<faulty_plain_device>(wire);
        return refusing.during([&] { begin(std::move(device)); });
    }
    void begin(std::unique_ptr<QIODevice> device) {
        if (side_ == role::server) return server->adopt(std::move(device));
        client_->open(std::move(device), url_, options);
    }
    void shake_hands(device_wire& wire) {
        auto& far = *static_cast<faulty_plain_device*>(wire.device);
        far.deliver(side_ == role::server ? good_request() : good_answer(far.take()));
        run_what_is_due();
        REQUIRE(is_open());
        (void)far.take();
    }
    /// All of that.
    void open(device_wire& wire) {
        begin(std::make_unique<faulty_plain_device>(wire));
        shake_hands(wire);
    }

    [[nodiscard]] bool is_connecting() const {
        if (side_ == role::server) return server->pending_handshakes() == 1;
        return session->state() == qt::session_state::connecting;
    }
    [[nodiscard]] bool is_open() const {
        return session != nullptr && session->state() == qt::session_state::open;
    }

    qt::client_options options;
    std::optional<qt::server> server;
    std::unique_ptr<qt::session> session;
    int ends = 0;  ///< That were told.
    int texts = 0; ///< Likewise.

private:
    void listen() {
        session->on_text = [this](std::string_view) { ++texts; };
        session->on_closed = [this](const qt::close_info&) { ++ends; };
    }

    const role side_;
    qt::client* client_ = nullptr;
    const QUrl url_{QStringLiteral("ws://user:word@example.org/")};
};

/// Calls `one` with a wire and with the first allocation refused, with the second, and so on, until
/// it needs no more. Nothing may be left of it.
/// \returns how many times that was.
std::int64_t refuse_in_turn(const std::function<void(device_wire&, throwing_allocations&)>& one,
                            throws_to whom = throws_to::program) {
    const std::int64_t in_a_row = GENERATE(1, 1'000'000);
    bool more = true;
    std::int64_t n = 0;
    for (; more && n < 1000; ++n) {
        CAPTURE(n, in_a_row);
        device_wire wire;
        throwing_allocations refusing(n, in_a_row, whom);
        one(wire, refusing);
        more = refusing.happened();
        run_what_is_due();
        REQUIRE(wire.alive == 0);
        REQUIRE(qt::detail::thread_engine_count() == 0);
    }
    CHECK(n < 1000);
    return n;
}

} // namespace

TEST_CASE("memory: a connection that cannot begin for want of it has not begun, and the next one "
          "does",
          "[faults]") {
    const role side = GENERATE(role::client, role::server);
    const std::int64_t times =
        refuse_in_turn([&](device_wire& wire, throwing_allocations& refusing) {
            application app(side);
            app.options.extension = qt::deflate();
            app.options.subprotocols = QStringList{QStringLiteral("chat")};
            app.options.headers = {{"X-One", "1"}};
            const bool begun = app.begin(wire, refusing);
            REQUIRE(begun == !refusing.happened());
            if (!begun) {
                REQUIRE(!app.is_connecting());
                run_what_is_due();
                REQUIRE(wire.alive == 0);
                wire = {};
                app.begin(std::make_unique<faulty_plain_device>(wire));
            }
            REQUIRE(app.is_connecting());
            REQUIRE(app.ends == 0);
            app.shake_hands(wire);
            app.session->abort();
            REQUIRE(app.ends == 1);
        });
    CHECK(times > 3);
}

TEST_CASE("memory: what ends needs none", "[faults]") {
    enum class stage { connecting, open, unsent, paused, closing };
    enum class way { abort, destroying, of_server };
    const role side = GENERATE(role::client, role::server);
    const stage when =
        GENERATE(stage::connecting, stage::open, stage::unsent, stage::paused, stage::closing);
    const way how = GENERATE(way::abort, way::destroying, way::of_server);
    const bool is_pending = side == role::server && when == stage::connecting;
    if ((how == way::of_server) != is_pending) return; // where it ends nothing
    CAPTURE(static_cast<int>(side), static_cast<int>(when), static_cast<int>(how));
    const bool is_left = how == way::destroying && when != stage::connecting;
    const auto one = [&](device_wire& wire, throwing_allocations& refusing) {
        application app(side);
        app.begin(std::make_unique<faulty_plain_device>(wire));
        if (when != stage::connecting) app.shake_hands(wire);
        if (when == stage::unsent) REQUIRE(app.session->send_text("unsent") == errc::success);
        if (when == stage::paused) app.session->pause();
        if (when == stage::closing) REQUIRE(app.session->close() == errc::success);
        REQUIRE(refusing.during([&] {
            switch (how) {
            case way::abort: return app.session->abort();
            case way::destroying: return app.session.reset();
            case way::of_server: return app.server->close();
            }
        }));
        REQUIRE(app.ends == (how == way::abort ? 1 : 0));
        if (app.session != nullptr) REQUIRE(app.session->state() == qt::session_state::closed);
        if (app.server) REQUIRE(app.server->pending_handshakes() == 0);
        run_what_is_due();
        REQUIRE(app.ends == (how == way::abort ? 1 : 0));
        // The session waits for the peer's answer when it could say what is to be answered, and
        // else for nothing.
        if (is_left && !refusing.happened()) REQUIRE(wire.alive == 1);
        if (wire.alive == 0) return;
        REQUIRE(is_left);
        auto& far = *static_cast<faulty_plain_device*>(wire.device);
        std::string wrote = far.take();
        const auto frames = take_frames(wrote);
        REQUIRE(!frames.empty());
        REQUIRE(frames.back().op() == 8);
        far.end();
    };
    const std::int64_t times = refuse_in_turn(one, throws_to::all);
    CHECK((times > 1) == is_left); // by the way the peer is told
}

TEST_CASE("memory: a session that cannot tell its peer that it goes waits for no answer",
          "[faults]") {
    device_wire wire;
    application app(GENERATE(role::client, role::server));
    app.open(wire);
    {
        const failing_allocations failing(0, 1'000'000);
        app.session.reset();
        REQUIRE(failing.happened());
    }
    run_what_is_due();
    CHECK(wire.unsent.empty());
    CHECK(wire.alive == 0);
    CHECK(qt::detail::thread_engine_count() == 0);
}

TEST_CASE("memory: what throws when it is to be sent has not been sent", "[faults]") {
    const int what = GENERATE(range(0, 8));
    CAPTURE(what);
    const std::int64_t times =
        refuse_in_turn([&](device_wire& wire, throwing_allocations& refusing) {
            application app(role::server);
            app.open(wire);
            qt::session& session = *app.session;
            auto& far = *static_cast<faulty_plain_device*>(wire.device);
            const QString utf16(300, QChar(0x20AC)); // no room for it on the stack
            prepared_message prepared;
            REQUIRE(prepared.assign_text("prepared") == errc::success);
            const bool done = refusing.during([&] {
                switch (what) {
                case 0: session.send_text("text"); break;
                case 1: session.send_text(utf16); break;
                case 2: session.send_binary("binary"); break;
                case 3: session.send(prepared); break;
                case 4: session.send_fragment(opcode::text, "part", true); break;
                case 5: session.ping("ping"); break;
                case 6: session.pong("pong"); break;
                default: session.close(close_code::normal, "bye");
                }
            });
            REQUIRE(done == !refusing.happened());
            REQUIRE((session.buffered_amount() != 0) == done);
            REQUIRE(app.is_open() == (!done || what != 7));
            run_what_is_due();
            REQUIRE(wire.unsent.empty() == !done);
            // It goes on as if nothing had been.
            const errc sent = session.send_text("behind");
            REQUIRE((sent == errc::success) == (!done || what != 7));
            run_what_is_due();
            std::string wrote = far.take();
            REQUIRE(take_frames(wrote).size() == (done && what != 7 ? 2 : 1));
            far.deliver(frame_writer(role::server).text("in").str());
            REQUIRE(app.texts == (done && what == 7 ? 0 : 1));
            session.abort();
            REQUIRE(app.ends == 1);
        });
    CHECK(times > 1);
}

TEST_CASE("memory: a client that cannot give up for want of it goes on", "[faults]") {
    const std::int64_t times =
        refuse_in_turn([](device_wire& wire, throwing_allocations& refusing) {
            application app(role::client);
            app.begin(std::make_unique<faulty_plain_device>(wire));
            const bool done = refusing.during([&] { app.session->close(); });
            REQUIRE(app.is_connecting() == !done);
            if (!done) {
                app.shake_hands(wire);
                app.session->abort();
            }
            run_what_is_due();
            REQUIRE(app.ends == 1);
        });
    CHECK(times > 1);
}

TEST_CASE("memory: a session that cannot be resumed for want of it is paused", "[faults]") {
    const role side = GENERATE(role::client, role::server);
    const std::int64_t times =
        refuse_in_turn([&](device_wire& wire, throwing_allocations& refusing) {
            application app(side);
            app.open(wire);
            app.session->pause();
            static_cast<faulty_plain_device*>(wire.device)
                ->deliver(frame_writer(side).text("in").str());
            const bool done = refusing.during([&] { app.session->resume(); });
            REQUIRE(app.session->is_paused() == !done);
            run_what_is_due();
            REQUIRE(app.texts == (done ? 1 : 0));
            app.session->resume();
            run_what_is_due();
            REQUIRE(app.texts == 1);
            app.session->abort();
        });
    CHECK(times > 1);
}

TEST_CASE("memory: a keep-alive that cannot be set for want of it leaves the one that is there",
          "[faults]") {
    const std::int64_t times =
        refuse_in_turn([](device_wire& wire, throwing_allocations& refusing) {
            application app(role::server);
            app.open(wire);
            app.session->set_keep_alive({.ping = 1ms, .pong = 0ms});
            const bool done = refusing.during(
                [&] { app.session->set_keep_alive({.ping = std::chrono::hours(1), .pong = 0ms}); });
            REQUIRE(done == !refusing.happened());
            if (!done) REQUIRE(wait_for([&] { return !wire.unsent.empty(); }));
            app.session->abort();
        });
    CHECK(times > 1);
}
