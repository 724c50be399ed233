// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/sender.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace framewire;
using namespace framewire::test;

TEMPLATE_TEST_CASE("sender: sends from another thread", "[asio]", server_end, waitable_client_end) {
    TestType end;
    const net::sender sender = end.stream->get_sender();
    CHECK(!sender.expired());
    std::thread([&sender] {
        (void)sender.send_text("one");
        (void)sender.send_binary(bytes_of("two"));
    }).join();
    const std::size_t before = end.far.counts().all_writes();
    CHECK(end.far.waiting().empty());
    end.poll();
    CHECK(end.far.counts().all_writes() == before + 1);
    CHECK(end.sent() == "text(\"one\") binary(\"two\")");
}

TEMPLATE_TEST_CASE("sender: many threads at once, each in its order", "[asio]", server_end,
                   waitable_client_end) {
    constexpr int threads = 4;
    constexpr int messages = 2000;
    TestType end;
    reader in;
    in.start(*end.stream);
    std::atomic<int> running = threads;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
        all.emplace_back([&running, sender = end.stream->get_sender(), t] {
            for (int i = 0; i < messages; ++i) {
                while (!sender.send_text(std::to_string(t) + ":" + std::to_string(i)))
                    std::this_thread::yield();
            }
            --running;
        });
    }
    std::string wire;
    std::map<std::string, int> next;
    std::size_t count = 0;
    const auto look = [&] {
        end.poll();
        wire += end.far.read();
        for (const wire_frame& frame : take_frames(wire)) {
            const std::size_t colon = frame.payload.find(':');
            REQUIRE(colon != std::string::npos);
            REQUIRE(std::stoi(frame.payload.substr(colon + 1)) ==
                    next[frame.payload.substr(0, colon)]++);
            ++count;
        }
    };
    while (running != 0)
        look();
    for (std::thread& one : all)
        one.join();
    look();
    CHECK(wire.empty());
    CHECK(count == std::size_t{threads} * messages);
    CHECK(next.size() == threads);
    CHECK(end.stream->is_open());
}

TEMPLATE_TEST_CASE("sender: refuses what may not be sent", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text("\xFF").error == errc::text_not_utf8);
    CHECK(sender.close(close_code{1006}) == errc::close_code_not_sendable);
    CHECK(sender.close(close_code::normal, std::string(124, 'x')) == errc::close_reason_too_long);
    // RFC 6455 7.4.1
    if (TestType::is_server) {
        CHECK(sender.close(close_code::mandatory_extension) == errc::close_code_not_sendable);
    }
    CHECK(sender.close(close_code::normal, "\xFF") == errc::close_reason_not_utf8);
    end.poll();
    CHECK(end.stream->is_open());
    CHECK(end.sent().empty());
}

TEMPLATE_TEST_CASE("sender: closes behind what was sent before, once", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text("last"));
    CHECK(sender.close(close_code::going_away, "bye") == errc::success);
    CHECK(sender.close(close_code::normal, "again") == errc::success);
    CHECK(sender.send_text("behind").error == errc::not_open);
    CHECK(end.sent() == "text(\"last\") close(1001 \"bye\")");
    end.answer_close(1001);
    CHECK(in.ends == 1);
    CHECK(in.error == errc::closed);
    CHECK(sender.expired());
}

TEMPLATE_TEST_CASE("sender: is told when the stream closes that nothing will be sent", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    const net::sender sender = end.stream->get_sender();
    CHECK(end.stream->close(close_code{1006}) == errc::close_code_not_sendable);
    CHECK_FALSE(sender.expired());
    CHECK(sender.send_text("before"));
    CHECK(end.stream->close() == errc::success);
    CHECK(sender.expired());
    CHECK(sender.send_text("behind").error == errc::not_open);
    CHECK(sender.close(close_code::going_away) == errc::success);
    CHECK(end.sent() == "text(\"before\") close(1000 \"\")");
    TestType other;
    CHECK(other.stream->close() == errc::success);
    CHECK(other.stream->get_sender().expired());
}

TEMPLATE_TEST_CASE("sender: tells of a slow peer, and never keeps more than the hard limit",
                   "[asio]", server_end, waitable_client_end) {
    net::stream_options options;
    options.limits.max_output = 4000;
    options.high_water = 1000;
    options.low_water = 300;
    TestType end(options);
    end.far.set_capacity(0);
    const net::sender sender = end.stream->get_sender();
    const bool polled = GENERATE(true, false);
    net::send_result result;
    std::size_t taken = 0;
    bool above = false;
    while ((result = sender.send_text(std::string(100, 'x')))) {
        ++taken;
        if (polled) end.poll();
        above = result.status == net::send_status::above_high_water;
        // While a message waits apart it counts with what it takes beside its payload.
        if (taken * 100 > 1000) REQUIRE(above);
        if (taken * 116 <= 1000) REQUIRE(!above);
        REQUIRE(taken <= 40);
    }
    CHECK(result.error == errc::output_full);
    CHECK(above);
    CHECK(taken >= 34);
    end.poll();
    CHECK(end.stream->buffered_amount() <= 4000);
    end.far.set_capacity(wire_settings::no_limit);
    const std::string sent = end.sent();
    std::size_t arrived = 0;
    for (std::size_t at = 0; (at = sent.find("text(", at)) != std::string::npos; ++at)
        ++arrived;
    CHECK(arrived == taken); // what was accepted was sent
    CHECK(sender.send_text("again"));
    CHECK(end.sent() == "text(\"again\")");
}

TEMPLATE_TEST_CASE("sender: closes with 1013 at the hard limit when the stream was told to",
                   "[asio]", server_end, waitable_client_end) {
    net::stream_options options;
    options.limits.max_output = 4000;
    options.on_overflow = net::overflow_policy::close;
    TestType end(options);
    close_completion closed;
    end.stream->closed(closed.handler());
    end.far.set_capacity(0);
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text(std::string(3000, 'x')));
    CHECK(sender.send_text(std::string(3000, 'y')).error == errc::output_full);
    CHECK(sender.send_text("z").error == errc::not_open);
    end.far.set_capacity(wire_settings::no_limit);
    CHECK(end.sent().starts_with("text(\"" + shown(std::string(3000, 'x')) + "\") close(1013 "));
    end.answer_close(1013);
    CHECK(closed.done());
    CHECK(closed.info.error == errc::output_full);
}

TEMPLATE_TEST_CASE("sender: closes at the hard limit in the middle of a message in fragments, too",
                   "[asio]", server_end, waitable_client_end) {
    net::stream_options options;
    options.limits.max_output = 4000;
    options.on_overflow = net::overflow_policy::close;
    TestType end(options);
    close_completion closed;
    end.stream->closed(closed.handler());
    REQUIRE(end.stream->send_fragment(opcode::text, std::as_bytes(std::span("a", 1)), false));
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text(std::string(3000, 'x')));
    CHECK(sender.send_text(std::string(3000, 'y')).error == errc::output_full);
    CHECK(end.sent().starts_with("text-(\"a\") close(1013 "));
    end.answer_close(1013);
    REQUIRE(closed.done());
    CHECK(closed.info.error == errc::output_full);
}

TEMPLATE_TEST_CASE("sender: waits while a message is sent in fragments", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    const net::sender sender = end.stream->get_sender();
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("a"), false));
    CHECK(sender.send_text("between"));
    end.poll();
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("b"), true));
    end.poll();
    CHECK(end.sent() == "text-(\"a\") cont(\"b\") text(\"between\")");
}

TEMPLATE_TEST_CASE("sender: what it accepted goes in front of what the stream sends after that",
                   "[asio]", server_end, waitable_client_end) {
    TestType end;
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text("1"));
    CHECK(end.stream->send_text("2"));
    CHECK(sender.send_text("3"));
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("4"), false));
    CHECK(sender.send_text("5")); // has to wait for the last fragment
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("4"), true));
    CHECK(sender.send_text("6"));
    CHECK(end.stream->send_binary(bytes_of("7")));
    CHECK(end.sent() == "text(\"1\") text(\"2\") text(\"3\") text-(\"4\") cont(\"4\") "
                        "text(\"5\") text(\"6\") binary(\"7\")");
    CHECK(sender.send_text("8")); // it is called again
    CHECK(end.sent() == "text(\"8\")");
}

TEMPLATE_TEST_CASE("sender: what it accepted goes in front of the stream's Close", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    close_completion closed;
    end.stream->closed(closed.handler());
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text("last"));
    CHECK(end.stream->close(close_code::normal, "bye") == errc::success);
    CHECK(end.sent() == "text(\"last\") close(1000 \"bye\")");
    end.answer_close();
    CHECK(closed.done());
    CHECK(closed.info.clean);
}

TEMPLATE_TEST_CASE("sender: the first to close is the one that closes", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.close(close_code::going_away, "first") == errc::success);
    SECTION("before the stream does") {
        CHECK(end.stream->close(close_code::normal, "second") == errc::success);
    }
    SECTION("before the stream sends") {
        CHECK(end.stream->send_text("behind").error == errc::not_open);
    }
    CHECK(end.sent() == "close(1001 \"first\")");
}

TEMPLATE_TEST_CASE("sender: outlives the stream", "[asio]", server_end, waitable_client_end) {
    net::sender sender;
    CHECK(sender.expired());
    CHECK(sender.send_text("nowhere").error == errc::not_open);
    CHECK(sender.close() == errc::success);
    {
        TestType end;
        sender = end.stream->get_sender();
        CHECK(sender.send_text("before"));
        end.stream.reset();
        CHECK(sender.expired());
        CHECK(sender.send_text("behind").error == errc::not_open);
        CHECK(end.sent() == "text(\"before\") close(1001 \"\")");
        CHECK(sender.send_text("still").error == errc::not_open);
    }
    CHECK(sender.expired());
    CHECK(sender.send_text("the context is gone, too").error == errc::not_open);
    CHECK(sender.close() == errc::success);
}

TEMPLATE_TEST_CASE("sender: outlives an execution context that ends with the stream open", "[asio]",
                   server_end, waitable_client_end) {
    net::sender sender;
    {
        TestType end;
        reader in;
        in.start(*end.stream);
        end.poll();
        sender = end.stream->get_sender();
        CHECK(sender.send_text("never sent"));
    }
    CHECK(sender.expired());
    CHECK(sender.send_text("x").error == errc::not_open);
}

TEMPLATE_TEST_CASE("sender: other threads may send while the stream ends", "[asio]", server_end,
                   waitable_client_end) {
    for (int round = 0; round < 20; ++round) {
        std::vector<std::thread> all;
        std::atomic<bool> started = false;
        {
            TestType end;
            for (int t = 0; t < 2; ++t) {
                all.emplace_back([&started, sender = end.stream->get_sender()] {
                    for (int i = 0; i < 100'000; ++i) {
                        const net::send_result result = sender.send_text("x");
                        started = true;
                        if (result.error == errc::not_open) return;
                        if (!result) std::this_thread::yield();
                    }
                });
            }
            while (!started) {
            }
            end.poll();
            if (round % 2 == 0) end.stream.reset();
            if (round % 3 == 0) end.poll();
        }
        for (std::thread& one : all)
            one.join();
    }
    SUCCEED();
}

TEMPLATE_TEST_CASE("sender: of a stream that is not open yet", "[asio]", server_end,
                   waitable_client_end) {
    TestType end(typename TestType::not_open_yet{});
    const net::sender sender = end.stream->get_sender();
    const net::send_result result = sender.send_text("early");
    end.poll();
    end.stream->abort();
    end.poll();
    CHECK(sender.expired());
    CHECK(sender.send_text("late").error == errc::not_open);
    (void)result; // whether it waits for the opening or is refused is not promised
}

TEMPLATE_TEST_CASE("sender: what it accepted goes in front of the Close, whatever the moment",
                   "[asio]", server_end, waitable_client_end) {
    for (int round = 0; round < 100; ++round) {
        TestType end;
        reader in;
        in.start(*end.stream);
        const net::sender sender = end.stream->get_sender();
        std::atomic<int> accepted = 0;
        std::thread other([&] {
            while (sender.send_text("m"))
                ++accepted;
        });
        while (accepted < 50 + round)
            end.poll();
        REQUIRE(end.stream->close() == errc::success);
        other.join();
        int sent = 0;
        for (const char c : end.sent())
            sent += c == 'm' ? 1 : 0;
        REQUIRE(sent == accepted);
    }
}
