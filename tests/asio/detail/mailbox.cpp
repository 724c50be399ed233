// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// tests/asio/sender.cpp has it from without.

#include <framewire/asio/detail/mailbox.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>

using namespace framewire;
using namespace framewire::test;
using net::send_status;
using net::detail::mail;

namespace {

/// Counts how often the stream is called, as one that has no memory for that if it is to.
class box final : public net::detail::mailbox {
public:
    explicit box(const net::stream_options& options, bool is_servers = true)
        : mailbox(options, is_servers) {}

    int calls = 0;
    bool throws = false;
    bool is_let_go = false;

    net::send_result text(std::string_view what) {
        return put(opcode::text, close_code::normal, compression::if_agreed, bytes(what));
    }
    net::send_result end(std::string_view reason = {}) {
        return put(opcode::close, close_code::going_away, compression::never, bytes(reason));
    }

private:
    void call() override {
        if (throws) throw std::bad_alloc();
        ++calls;
    }
    void let_go() noexcept override { is_let_go = true; }
};

net::stream_options at_most(std::uint64_t size) {
    net::stream_options options;
    options.limits.max_output = size;
    return options;
}

/// `text(a) close(1001 b)`
std::string in_words(const mail& all) {
    std::string out;
    all.each([&](const mail::item& one, std::span<const std::byte> content) {
        if (!out.empty()) out += ' ';
        out += one.kind == opcode::text     ? "text("
               : one.kind == opcode::binary ? "binary("
                                            : "close(";
        if (one.kind == opcode::close) {
            out += std::to_string(static_cast<unsigned>(one.code)) + " ";
        }
        out += std::string(text_of(content)) + ")";
    });
    return out;
}

} // namespace

TEST_CASE("mail: keeps each message with what it is, in order, empty ones too") {
    mail all;
    CHECK(in_words(all).empty());
    CHECK(all.size() == 0);
    CHECK(all.add({1, opcode::text, compression::never, close_code::normal}, bytes("a"), 1000));
    CHECK(all.add({0, opcode::binary, compression::if_agreed, close_code::normal}, {}, 1000));
    CHECK(all.add({3, opcode::close, compression::never, close_code::going_away}, bytes("bye"),
                  1000));
    CHECK(in_words(all) == "text(a) binary() close(1001 bye)");
    CHECK(all.size() == 4 + 3 * mail::overhead);
    compression first = compression::if_agreed;
    all.each([&](const mail::item& one, std::span<const std::byte>) {
        if (one.kind == opcode::text) first = one.how;
    });
    CHECK(first == compression::never);
}

TEST_CASE("mail: its memory stops at what may wait and a Close", "[allocation]") {
    constexpr std::int64_t most = 100'000;
    const std::string content(100, 'x');
    const std::string reason(max_close_reason, 'r');
    const std::int64_t before = allocations().live_bytes;
    reset_peak();
    mail all;
    while (all.size() + content.size() + mail::overhead <= most) {
        REQUIRE(all.add({content.size(), opcode::text, compression::never, close_code::normal},
                        bytes(content), most));
    }
    REQUIRE(all.add({reason.size(), opcode::close, compression::never, close_code::normal},
                    bytes(reason), most));
    CHECK(peak_bytes() - before <= 2 * most);
    CHECK(allocations().live_bytes - before <= most + 300);
}

TEST_CASE("mailbox: calls the stream once until that has taken what is there") {
    box to(at_most(1000));
    CHECK(to.text("early").error == errc::not_open);
    to.open();
    CHECK(to.text("a"));
    CHECK(to.text("b"));
    CHECK(to.calls == 1);
    CHECK(to.called());
    CHECK(in_words(to.take()) == "text(a) text(b)");
    CHECK_FALSE(to.called());
    CHECK(to.text("c"));
    CHECK(to.calls == 2);
    to.open(false);
    CHECK(to.text("d").error == errc::not_open);
    CHECK(in_words(to.take()) == "text(c)");
    to.open();
    CHECK(to.text("e"));
}

TEST_CASE("mailbox: counts what waits in the stream with what waits here", "[limits]") {
    constexpr std::size_t limit = 100 + 2 * mail::overhead;
    box to(at_most(limit));
    to.open();
    CHECK(to.text(std::string(10'000, 'x'))); // any one message, when nothing waits
    CHECK(to.text("y").error == errc::output_full);
    (void)to.take();
    to.ahead(50);
    CHECK(to.text(std::string(limit - 50 - mail::overhead + 1, 'x')).error == errc::output_full);
    CHECK(to.text(std::string(limit - 50 - mail::overhead, 'x')));
    CHECK(to.text("").error == errc::output_full);
    (void)to.take(); // and waits in the stream now
    CHECK(to.text("").error == errc::output_full);
    to.ahead(0);
    CHECK(to.text(""));
    CHECK_FALSE(to.overflowed());
}

TEST_CASE("mailbox: a Close is taken at any time, once, and nothing behind it", "[limits]") {
    box to(at_most(20));
    CHECK(to.end("bye"));
    CHECK(to.closed());
    CHECK(to.end("again").error == errc::not_open);
    CHECK(to.text("behind").error == errc::not_open);
    CHECK(in_words(to.take()) == "close(1001 bye)");
    to.close();
    CHECK(to.is_let_go);
}

TEST_CASE("mailbox: leaves a Close where there was no room, if it is told to", "[limits]") {
    net::stream_options options = at_most(20);
    options.on_overflow = net::overflow_policy::close;
    box to(options);
    to.open();
    CHECK(to.text("a"));
    CHECK(to.text("b").error == errc::output_full);
    CHECK(to.overflowed());
    CHECK(to.closed());
    CHECK(in_words(to.take()) == "text(a) close(1013 )");
}

TEST_CASE("mailbox: without memory it refuses, and is as it was", "[limits]") {
    const bool for_the_call = GENERATE(true, false);
    net::stream_options options = at_most(20);
    options.on_overflow = net::overflow_policy::close;
    box to(options);
    to.open();
    {
        const failing_allocations none(0, for_the_call ? 0 : 100);
        to.throws = for_the_call;
        CHECK(to.text("a").error == errc::out_of_memory);
        CHECK(to.end().error == errc::out_of_memory);
        to.throws = false;
    }
    CHECK_FALSE(to.closed());
    CHECK(in_words(to.take()).empty());
    to.ahead(20);
    {
        const failing_allocations none(0, for_the_call ? 0 : 100);
        to.throws = for_the_call;
        CHECK(to.text("b").error == errc::output_full);
        to.throws = false;
    }
    CHECK_FALSE(to.overflowed()); // so that the next one tries it again
    CHECK_FALSE(to.closed());
    CHECK(to.text("b").error == errc::output_full);
    CHECK(to.overflowed());
    CHECK(in_words(to.take()) == "close(1013 )");
}
