// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Every operation on the device goes wrong in turn, and every allocation that may be refused is, in
// a connection from its handshake to its end: as client and as server, on a device and on a socket,
// with permessage-deflate and without. Whichever it is, the application is told of one end, and
// nothing is left.

#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/spare_output.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/qt/client.hpp>
#include <framewire/qt/deflate.hpp>
#include <framewire/qt/server.hpp>

#include "qt/support/faulty_device.hpp"
#include "qt/support/loop.hpp"
#include "qt/support/raw.hpp"
#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/deflate.hpp"
#include "support/peer.hpp"
#include "threats/messages.hpp"

#include <QUrl>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;

namespace {

enum class ending { by_peer, here, by_abort, by_timer, by_destroying, in_a_handler };

/// What the application was told of a connection.
struct told {
    int opened = 0;
    int messages = 0;
    int pings = 0;
    int pongs = 0;
    int closing = 0;
    int ends = 0;
    int late = 0; ///< Calls behind the end.
    qt::close_info info;

    void note(int& what) {
        ++what;
        if (ends != 0) ++late;
    }
    void end(const qt::close_info& how) {
        note(ends);
        if (ends > 1) return;
        late = 0;
        info = how;
    }
};

/// One connection: opened, with messages both ways, whole and in fragments, with more than is
/// written at once, Pings, and its end. The peer plays its part for as long as there is something
/// to play to.
template <role Role, class Device, bool Deflates> class story {
public:
    static constexpr role side = Role;
    static constexpr bool deflates = Deflates;

    story(std::size_t failing, device_fault fault, ending how, bool patient) : how_(how) {
        wire.failing = failing;
        wire.fault = fault;
        patience_ = patient ? 10'000ms : 15ms;
        open();
        talk();
        finish();
    }
    story(const story&) = delete;
    story& operator=(const story&) = delete;

    device_wire wire;
    told app;
    std::string sent; ///< By the code under test, behind its head.

    /// That there is one end, and nothing left of it.
    void require_one_end() {
        const bool untold = how_ == ending::by_destroying || how_ == ending::in_a_handler;
        REQUIRE(app.opened <= 1);
        REQUIRE(app.closing <= 1);
        REQUIRE(app.late == 0);
        if (untold) {
            REQUIRE(app.ends <= 1);
        } else {
            REQUIRE(app.ends == 1);
            if (!app.info.clean && !aborted_) REQUIRE(app.info.error);
        }
        if (session_ != nullptr) {
            REQUIRE(session_->state() == qt::session_state::closed);
            REQUIRE(session_->device() == nullptr);
            REQUIRE(session_->send_text("late") == errc::not_open);
            REQUIRE(session_->buffered_amount() == 0);
        }
        if (server_) REQUIRE(server_->pending_handshakes() == 0);
        // Before the handles go.
        REQUIRE(wait_for([&] { return qt::detail::thread_engine_count() == 0; }));
        REQUIRE(wire.alive == 0);
    }
    /// That nothing was lost, either way.
    void require_whole() {
        REQUIRE(app.opened == 1);
        REQUIRE(app.messages == 4);
        REQUIRE(app.pings == 1);
        REQUIRE(app.pongs == 1);
        std::size_t texts = 0;
        std::size_t octets = 0;
        decompressing_peer reader;
        std::string whole;
        bool encoded = false;
        for (const wire_frame& frame : take_frames(sent)) {
            if (frame.op() >= 8) continue;
            if (frame.op() != 0) encoded = frame.rsv() != 0;
            whole += frame.payload;
            if (!frame.fin()) continue;
            const auto text = encoded ? reader.message(whole) : std::optional<std::string>(whole);
            REQUIRE(text);
            ++texts;
            octets += text->size();
            whole.clear();
        }
        REQUIRE(sent.empty());
        REQUIRE(whole.empty());
        REQUIRE(texts == 4 + 5);
        REQUIRE(octets == received_octets + 4000 + 140'000 + 3000 + 20'000 + 8);
    }

private:
    static constexpr std::size_t received_octets = 5 + 10 + 300 + 3;
    static constexpr std::string_view agreement =
        Deflates ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "";

    [[nodiscard]] Device* device() { return static_cast<Device*>(wire.device); }
    void run() {
        for (int i = 0; i < 5; ++i) {
            QCoreApplication::processEvents();
            QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
            if (device() != nullptr) device()->tell_rest();
        }
    }
    void deliver(std::string_view bytes) {
        if (device() != nullptr && !wire.ended && !wire.broken) device()->deliver(bytes);
        run();
    }
    void deliver(const frame_writer& frames) { deliver(frames.str()); }
    void take() {
        // Meanwhile the device may go.
        for (int i = 0; i < 20 && device() != nullptr && !wire.unsent.empty(); ++i) {
            sent += device()->take();
            run();
        }
    }
    std::string taken_head() {
        take();
        const std::size_t end = sent.find("\r\n\r\n");
        if (end == std::string::npos) return {};
        std::string head = sent.substr(0, end + 4);
        sent.erase(0, end + 4);
        return head;
    }

    void listen(qt::session& session) {
        session_ = &session;
        session.on_text = [this](std::string_view text) {
            app.note(app.messages);
            if (how_ == ending::in_a_handler && app.messages == 2) return drop();
            session_->send_text(text);
        };
        session.on_binary = [this](QByteArrayView bytes) {
            app.note(app.messages);
            session_->send_binary(bytes);
        };
        session.on_ping = [this](QByteArrayView) { app.note(app.pings); };
        session.on_pong = [this](QByteArrayView) { app.note(app.pongs); };
        session.on_written = [this] {
            if (app.ends != 0) ++app.late;
        };
        session.on_drain = [this] {
            if (app.ends != 0) ++app.late;
        };
        session.on_closing = [this] { app.note(app.closing); };
        session.on_closed = [this](const qt::close_info& info) { app.end(info); };
    }
    // What cannot be said can still be done.
    void close_here() {
        if (session_ == nullptr || session_->close(close_code::normal, "bye") == errc::success)
            return;
        aborted_ = true;
        session_->abort();
    }
    void drop() {
        session_ = nullptr;
        client_.reset();
        accepted_.reset();
    }

    void open() {
        auto made = std::make_unique<Device>(wire);
        if constexpr (Role == role::server) {
            qt::server_options options;
            options.open_timeout = patience_;
            options.close_timeout = how_ == ending::by_timer ? 15ms : patience_;
            if (Deflates) options.extension = qt::deflate();
            server_.emplace(options);
            server_->on_session = [this](std::unique_ptr<qt::session> session, const qt::request&) {
                accepted_ = std::move(session);
                listen(*accepted_);
                app.note(app.opened);
            };
            server_->on_failed_handshake = [this](const qt::close_info& info) { app.end(info); };
            server_->adopt(std::move(made));
            const std::string request = good_request(agreement);
            deliver(request.substr(0, 100));
            deliver(request.substr(100));
            (void)taken_head();
        } else {
            qt::client_options options;
            options.timeouts.open = patience_;
            options.timeouts.close = how_ == ending::by_timer ? 15ms : patience_;
            if (Deflates) options.extension = qt::deflate();
            client_.emplace();
            listen(*client_);
            client_->on_opened = [this] { app.note(app.opened); };
            client_->open(std::move(made), QUrl(QStringLiteral("ws://example.org/")), options);
            run();
            const std::string request = taken_head();
            if (!request.empty()) {
                const std::string answer = good_answer(request, agreement);
                deliver(answer.substr(0, 30));
                deliver(answer.substr(30));
            }
        }
        run();
    }

    void talk() {
        compressing_peer peer;
        const auto payload = [&](std::string_view text) {
            return Deflates ? peer.message(text) : std::string(text);
        };
        const std::string hello = payload("hello");
        const std::string in_two = payload("fragmented");
        deliver(frame_writer(Role)
                    .frame(first_octet<story>(true, true), hello)
                    .ping("p")
                    .frame(first_octet<story>(false, true), in_two.substr(0, 4)));
        const std::string large = payload(noise(300));
        const std::string last = payload("bye");
        deliver(frame_writer(Role)
                    .frame(0x80, in_two.substr(4))
                    .frame(first_octet<story>(true), large)
                    .frame(first_octet<story>(true), last));
        if (session_ != nullptr) {
            // More than a device is given at a time.
            static const QByteArray much(140'000, 'l');
            session_->send_binary(QByteArray::fromStdString(noise(4000)));
            session_->send_binary(much, compression::never);
            session_->send_fragment(opcode::binary, QByteArray(3000, 'x'), false);
            session_->ping("from here");
            session_->send_fragment(opcode::binary, {}, true);
            prepared_message prepared;
            const std::string content(20'000, 'y');
            if (prepared.assign_text(content) == errc::success) (void)session_->send(prepared);
        }
        run();
        if (session_ != nullptr) session_->send_text(QStringLiteral("in UTF16"));
        run();
        take();
        deliver(frame_writer(Role).pong("from here"));
        take();
    }

    void finish() {
        const frame_writer close = frame_writer(Role).close(1000, "bye");
        switch (how_) {
        case ending::by_peer: deliver(close); break;
        case ending::here:
            close_here();
            run();
            deliver(close);
            break;
        case ending::by_abort:
            aborted_ = true;
            if (session_ != nullptr) session_->abort();
            break;
        case ending::by_timer: close_here(); break;
        case ending::by_destroying:
            drop();
            deliver(close);
            break;
        case ending::in_a_handler: deliver(close); break;
        }
        run();
        take();
        const bool hangs_up = how_ != ending::by_timer;
        if (hangs_up && device() != nullptr) device()->end();
        run();
        const bool untold = how_ == ending::by_destroying || how_ == ending::in_a_handler;
        if (!untold) wait_for([&] { return app.ends != 0; });
        wait_for([&] {
            if (device() != nullptr) device()->tell_rest();
            return qt::detail::thread_engine_count() == 0;
        });
        run();
    }

    const ending how_;
    std::chrono::milliseconds patience_{};
    bool aborted_ = false;
    std::optional<qt::server> server_;
    std::optional<qt::client> client_;
    std::unique_ptr<qt::session> accepted_;
    qt::session* session_ = nullptr;
};

using server_of_device = story<role::server, faulty_plain_device, false>;
using client_of_device = story<role::client, faulty_plain_device, false>;
using compressing_server_of_device = story<role::server, faulty_plain_device, true>;
using compressing_client_of_device = story<role::client, faulty_plain_device, true>;
using server_of_socket = story<role::server, faulty_socket, false>;
using client_of_socket = story<role::client, faulty_socket, false>;
using compressing_server_of_socket = story<role::server, faulty_socket, true>;
using compressing_client_of_socket = story<role::client, faulty_socket, true>;

/// Bytes that are live without what the thread keeps for its connections, which is of any size that
/// it may have, and which the next story does without.
std::int64_t live_bytes() {
    struct {
        framewire::detail::byte_buffer block;
        [[nodiscard]] std::size_t output_capacity() const { return block.capacity(); }
        void swap_output_memory(framewire::detail::byte_buffer& other) { std::swap(block, other); }
    } taker;
    framewire::detail::spare_output::take(taker);
    taker.block.release();
    return allocations().live_bytes;
}

// clang-format off
#define FRAMEWIRE_STORIES \
    server_of_device, client_of_device, compressing_server_of_device, \
    compressing_client_of_device, server_of_socket, client_of_socket, \
    compressing_server_of_socket, compressing_client_of_socket
// clang-format on

} // namespace

TEMPLATE_TEST_CASE("faults: whichever operation on the device goes wrong, there is one end and "
                   "nothing is left",
                   "[faults]", FRAMEWIRE_STORIES) {
    const ending how = GENERATE(ending::by_peer, ending::here, ending::by_abort, ending::by_timer,
                                ending::by_destroying, ending::in_a_handler);
    const auto fault = static_cast<device_fault>(GENERATE(range(0, 9)));
    const bool harmless = fault == device_fault::takes_little ||
                          fault == device_fault::takes_none || fault == device_fault::tells_in_it;
    std::size_t operations = 0;
    {
        TestType whole(device_wire::never, fault, how, true);
        whole.require_one_end();
        if (how != ending::in_a_handler) whole.require_whole();
        operations = whole.wire.operations;
    }
    CHECK(operations >= 10);
    CHECK(operations < 1000);
    const std::int64_t before = live_bytes();
    for (std::size_t n = 0; n < operations; ++n) {
        CAPTURE(n, static_cast<int>(how), static_cast<int>(fault));
        {
            TestType one(n, fault, how, harmless);
            one.require_one_end();
            if (harmless && how != ending::in_a_handler) one.require_whole();
        }
        REQUIRE(live_bytes() - before < 4000);
    }
}

TEMPLATE_TEST_CASE("faults: whichever allocation is refused, there is one end and nothing is left",
                   "[faults]", FRAMEWIRE_STORIES) {
    const ending how = GENERATE(ending::by_peer, ending::here, ending::by_abort, ending::by_timer,
                                ending::by_destroying, ending::in_a_handler);
    const std::int64_t in_a_row = GENERATE(1, 1'000'000);
    { // what a thread keeps for its connections is there before anything is counted
        TestType one(device_wire::never, device_fault::fails, how, true);
        one.require_one_end();
    }
    const std::int64_t before = live_bytes();
    bool more = true;
    std::int64_t n = 0;
    for (; more && n < 1000; ++n) {
        CAPTURE(n, in_a_row, static_cast<int>(how));
        {
            const failing_allocations failing(n, in_a_row);
            TestType one(device_wire::never, device_fault::fails, how, true);
            more = failing.happened();
            one.require_one_end();
        }
        REQUIRE(live_bytes() - before < 4000);
    }
    CHECK(n >= 4);
    CHECK(n < 1000);
}

TEST_CASE("faults: a write that fails is the end, also when the device says no more about it",
          "[faults]") {
    device_wire wire;
    wire.fault = device_fault::fails_once;
    told app;
    const auto end = [&](const qt::close_info& info) { app.end(info); };
    SECTION("of a client's request") {
        wire.failing = 0;
        qt::client client;
        client.on_closed = end;
        client.open(std::make_unique<faulty_plain_device>(wire), QUrl("ws://example.org/"));
        run_what_is_due();
        CHECK(app.ends == 1);
        CHECK(app.info.error == errc::connection_lost);
    }
    SECTION("of a server's answer, of messages") {
        const bool answer = GENERATE(true, false);
        qt::server server;
        std::unique_ptr<qt::session> session;
        server.on_session = [&](std::unique_ptr<qt::session> opened, const qt::request&) {
            session = std::move(opened);
            session->on_closed = end;
        };
        server.on_failed_handshake = end;
        server.adopt(std::make_unique<faulty_plain_device>(wire));
        run_what_is_due();
        if (answer) wire.failing = wire.operations + 1; // behind the read
        static_cast<faulty_plain_device*>(wire.device)->deliver(good_request());
        run_what_is_due();
        if (!answer) {
            REQUIRE(session != nullptr);
            wire.failing = wire.operations;
            CHECK(session->send_text("lost") == errc::success);
            run_what_is_due();
        }
        REQUIRE(wire.failed());
        CHECK(app.ends == 1);
        CHECK(app.info.error == errc::connection_lost);
    }
    run_what_is_due();
    CHECK(wire.alive == 0);
    CHECK(qt::detail::thread_engine_count() == 0);
}
