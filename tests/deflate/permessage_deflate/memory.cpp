// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What permessage-deflate takes from the heap, that a peer cannot make it take more, and that it
// lives without.

#include <framewire/deflate/permessage_deflate.hpp>
#include <framewire/prepared_message.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/deflate.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;

// Many times 1 MiB of zeros, each in about 1 KiB, in one message.
std::string zeros(std::size_t mebibytes) {
    compressing_peer peer;
    const std::string one = peer.raw(std::string(std::size_t{mib}, '\0'), Z_FULL_FLUSH);
    std::string out;
    for (std::size_t i = 0; i < mebibytes; ++i)
        out += one;
    return out + '\0';
}

struct tally {
    std::uint64_t octets = 0;
    std::uint64_t messages = 0;
    std::size_t largest = 0; // piece
    bool all_zero = true;
    int ends = 0; // close and failed events
    errc error = errc::success;
};

// Feeds without a trace, which would keep the messages.
template <class End> void feed(End& end, std::span<std::byte> in, tally& result) {
    for (;;) {
        const event e = end->next(in);
        if (e.kind == event_kind::need_data) return;
        if (e.kind == event_kind::failed) result.error = e.error;
        if (e.kind == event_kind::close || e.kind == event_kind::failed) ++result.ends;
        if (e.kind != event_kind::text && e.kind != event_kind::binary) continue;
        result.octets += e.payload.size();
        result.messages += e.last ? 1 : 0;
        result.largest = std::max(result.largest, e.payload.size());
        for (std::size_t i = 0; i < e.payload.size(); i += 4093)
            result.all_zero = result.all_zero && e.payload[i] == std::byte{0};
    }
}

} // namespace

TEMPLATE_TEST_CASE("permessage_deflate: a small message that would become a large one is stopped",
                   "[limits]", deflating_server, deflating_client, deflating_server_stream,
                   deflating_client_stream) {
    // CVE-2026-1526, CVE-2018-1000518, CVE-2016-10544: about 1 MiB that would become 1 GiB
    const std::string bomb = zeros(1024);
    REQUIRE(bomb.size() < 1'200'000);
    const limits bounds{.max_message_size = std::uint64_t{mib}};
    std::vector<std::byte> one = frame_writer(TestType::side).frame(0xC2, bomb).bytes();
    frame_writer many(TestType::side);
    many.frame(0x42);
    for (std::size_t i = 0; i < 4000; ++i) // enough to pass the limit
        many.frame(0x00, bomb.substr(i, 1));
    std::vector<std::byte> fragments = many.bytes();
    for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
        for (std::vector<std::byte>* input : {&one, &fragments}) {
            for (const std::size_t piece : {input->size(), std::size_t{1000}, std::size_t{1}}) {
                std::vector<std::byte> copy = *input;
                tally result;
                const std::int64_t before = allocations().live_bytes;
                reset_peak();
                {
                    TestType end(parameters, bounds);
                    for (std::size_t at = 0; at < copy.size(); at += piece) {
                        feed(end, std::span(copy).subspan(at, std::min(piece, copy.size() - at)),
                             result);
                        if (result.error != errc::success) break;
                    }
                    CHECK(result.error == errc::message_too_big);
                    CHECK(end.sent() == R"(close(1009 "a message is larger than the limit"))");
                }
                CAPTURE(parameters, piece, peak_bytes() - before);
                CHECK(peak_bytes() - before < 4 * mib);
                CHECK(result.messages == 0);
                CHECK(result.octets <= std::uint64_t{mib});
            }
        }
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: many messages that become large take the memory of one",
                   "[limits]", deflating_server, deflating_client, deflating_server_stream) {
    compressing_peer peer;
    frame_writer out(TestType::side);
    for (int i = 0; i < 64; ++i)
        out.frame(0xC2, peer.message(std::string(std::size_t{mib}, '\0')));
    std::vector<std::byte> in = out.bytes();
    TestType end("", limits{.max_message_size = std::uint64_t{mib}});
    const std::int64_t before = allocations().live_bytes;
    reset_peak();
    tally result;
    feed(end, in, result);
    CHECK(result.error == errc::success);
    CHECK(result.messages == 64);
    CHECK(result.octets == 64 * std::uint64_t{mib});
    CHECK(peak_bytes() - before < 4 * mib);
}

TEMPLATE_TEST_CASE("permessage_deflate: a streamed message needs no memory for more than a piece",
                   "[limits]", deflating_server_stream, deflating_client_stream) {
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{65'536}, std::size_t{100}}) {
        const std::size_t mebibytes = piece == 65'536 ? 256 : 32;
        const limits bounds{.max_message_size = mebibytes * std::uint64_t{mib}};
        std::vector<std::byte> copy =
            frame_writer(TestType::side).frame(0xC2, zeros(mebibytes)).bytes();
        const std::int64_t before = allocations().live_bytes;
        reset_peak();
        tally result;
        {
            TestType end(keeps_nothing, bounds);
            for (std::size_t at = 0; at < copy.size(); at += piece) {
                feed(end, std::span(copy).subspan(at, std::min(piece, copy.size() - at)), result);
            }
        }
        CHECK(result.error == errc::success);
        CHECK(result.octets == mebibytes * std::uint64_t{mib});
        CHECK(result.messages == 1);
        CHECK(result.all_zero);
        CHECK(result.largest <= std::size_t{72 * kib});
        CHECK(peak_bytes() - before < 1 * mib);
    }
}

TEST_CASE("permessage_deflate: a stream is taken from the front of a buffer that holds much more",
          "[limits]") {
    // Most of the buffer waits, masked, for each piece of what the front of it becomes: 256 pieces
    // times 8 MiB, if all of it were unmasked and masked again, would not end in time.
    const std::string behind(8 << 20, '\x06'); // blocks of no known type
    // In one frame the rest of the payload waits; in two, the second frame.
    std::vector<std::byte> two =
        frame_writer(role::server).frame(0x42, zeros(16)).frame(0x80, behind).bytes();
    std::vector<std::byte> one = frame_writer(role::server).frame(0xC2, zeros(16) + behind).bytes();
    for (std::vector<std::byte>* input : {&two, &one}) {
        deflating_server_stream end(keeps_nothing);
        tally result;
        feed(end, *input, result);
        CHECK(result.error == errc::extension_data_invalid);
        CHECK(result.octets >= std::uint64_t{15 * mib});
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: many final blocks cost no more than their octets",
                   "[limits]", deflating_server, deflating_server_stream) {
    std::string message;
    for (int i = 0; i < 500'000; ++i)
        message += std::string_view("\x03\x00", 2);
    for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
        std::vector<std::byte> in = frame_writer(TestType::side).frame(0xC2, message).bytes();
        TestType end(parameters);
        tally result;
        const std::int64_t before = allocations().live_bytes;
        reset_peak();
        feed(end, in, result);
        CHECK(result.error == errc::success);
        CHECK(result.messages == 1);
        CHECK(result.octets == 0);
        CHECK(peak_bytes() - before < 5 * mib);
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: without context takeover an idle connection holds nothing",
                   "[memory]", deflating_server, deflating_client) {
    constexpr std::size_t count = 1000;
    const std::string text(500, 'x');
    std::vector<std::byte> in = frame_writer(TestType::side).frame(0xC1, compressed(text)).bytes();
    const std::vector<std::byte> input = in;
    std::vector<std::unique_ptr<TestType>> ends;
    for (std::size_t i = 0; i < count; ++i)
        ends.push_back(std::make_unique<TestType>(keeps_nothing, limits{}, always()));
    const auto use = [&](TestType& end) {
        std::copy(input.begin(), input.end(), in.begin());
        tally result;
        feed(end, in, result);
        if (result.octets != text.size()) throw std::logic_error("not decoded");
        if (end->send_text(text) != errc::success) throw std::logic_error("not sent");
        if (end->send_fragment(opcode::text, bytes(text), false) != errc::success ||
            end->send_fragment(opcode::text, {}, true) != errc::success) {
            throw std::logic_error("not sent");
        }
        end->consume_output(end->output().size());
        end->release_memory();
    };
    use(*ends[0]); // makes what the thread shares
    const std::int64_t before = allocations().live_bytes;
    for (std::unique_ptr<TestType>& end : ends)
        use(*end);
    CHECK(allocations().live_bytes - before <= static_cast<std::int64_t>(count) * 64);
    // In the middle of messages each holds its own; ended, these go back to a few that are kept.
    for (std::unique_ptr<TestType>& end : ends) {
        REQUIRE((*end)->send_fragment(opcode::text, bytes(text), false) == errc::success);
    }
    CHECK(allocations().live_bytes - before > static_cast<std::int64_t>(count) * 1000);
    for (std::unique_ptr<TestType>& end : ends) {
        REQUIRE((*end)->send_fragment(opcode::text, bytes(text), true) == errc::success);
        (*end)->consume_output((*end)->output().size());
        (*end)->release_memory();
    }
    CHECK(allocations().live_bytes - before <=
          static_cast<std::int64_t>(count) * 64 + 8 * 400 * kib);
}

TEMPLATE_TEST_CASE("permessage_deflate: in steady state a message takes nothing from the heap",
                   "[memory]", deflating_server, deflating_client) {
    const std::string text(2000, 'x');
    for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
        compressing_peer peer;
        TestType end(parameters, limits{}, always());
        std::int64_t calls = 0;
        for (int i = 0; i < 50; ++i) {
            if (!parameters.empty()) peer.begin_anew();
            std::vector<std::byte> in =
                frame_writer(TestType::side).frame(0xC1, peer.message(text)).bytes();
            std::vector<std::byte> sent = bytes(text);
            const std::int64_t before = allocations().calls;
            tally result;
            feed(end, in, result);
            const errc error = end->send_text(sent);
            const errc begun = end->send_fragment(opcode::text, sent, false);
            const errc ended = end->send_fragment(opcode::text, sent, true);
            end->consume_output(end->output().size());
            calls = allocations().calls - before;
            const bool kept = parameters.empty() || detail::threads_keep_objects;
            if (i > 5 && kept) REQUIRE(calls == 0);
            REQUIRE(result.octets == text.size());
            REQUIRE((error == errc::success && begun == errc::success && ended == errc::success));
        }
    }
}

TEST_CASE(
    "permessage_deflate: connections that agreed on different things do not take each other's",
    "[memory]") {
    // A thread keeps some of each kind; one that is used often must not push out another.
    const std::string text(2000, 'x');
    std::vector<std::unique_ptr<deflating_server>> ends;
    for (const int bits : {15, 12, 9}) {
        ends.push_back(std::make_unique<deflating_server>(
            std::string(keeps_nothing) + "; server_max_window_bits=" + std::to_string(bits) +
                "; client_max_window_bits=" + std::to_string(bits),
            limits{}, always()));
    }
    std::mt19937 random(11);
    // In two frames, so that it goes through zlib.
    const std::string message = compressed(text, 9);
    const std::vector<std::byte> input = frame_writer(role::server)
                                             .frame(0x41, message.substr(0, 5))
                                             .frame(0x80, message.substr(5))
                                             .bytes();
    for (int i = 0; i < 500; ++i) {
        deflating_server& end = *ends[random() % 8 == 0 ? 2 : random() % 2];
        std::vector<std::byte> in = input;
        std::vector<std::byte> sent = bytes(text);
        const std::int64_t before = allocations().calls;
        tally result;
        feed(end, in, result);
        const errc begun = end->send_fragment(opcode::text, sent, false);
        const errc ended = end->send_fragment(opcode::text, sent, true);
        end->consume_output(end->output().size());
        const std::int64_t calls = allocations().calls - before;
        CAPTURE(i);
        REQUIRE(result.octets == text.size());
        REQUIRE((begun == errc::success && ended == errc::success));
        if (i > 60 && detail::threads_keep_objects) REQUIRE(calls == 0);
    }
}

namespace {

// Tells what a thread has not given back, once all that is local to it is gone: to be made first.
struct leak_watch {
    std::int64_t before = allocations().live;
    std::int64_t* result = nullptr;
    ~leak_watch() { *result = allocations().live - before; }
};

template <class F> std::int64_t leaked_by_a_thread(F run) {
    std::int64_t result = 0;
    std::thread([&] {
        if constexpr (detail::threads_keep_objects) {
            static thread_local leak_watch watch;
            watch.result = &result;
            run();
        } else {
            const std::int64_t before = allocations().live;
            run();
            result = allocations().live - before;
        }
    }).join();
    return result;
}

struct account {
    errc strange = errc::success; // other than having no memory
    int out_of_memory = 0;
    bool begun = false; // a message that could not be ended, nor the connection then
    int ends = 0;       // close and failed events
};

// Everything that may have to take memory, both ways; `sent` becomes what was taken to be sent,
// and `written` what was written of it.
template <class End> account everything(End& end, std::vector<std::byte>& in,
                                        std::vector<std::byte>& peers_close, std::string_view text,
                                        std::string& sent, std::vector<std::byte>& written) {
    account result;
    const auto note = [&](errc error, std::size_t size) {
        if (error == errc::success) {
            sent.append(text.substr(0, size)); // has room
        } else if (error == errc::out_of_memory) {
            ++result.out_of_memory;
        } else {
            result.strange = error;
        }
        return error == errc::success;
    };
    const auto part = [&](std::size_t size) {
        return std::as_bytes(std::span(text.substr(0, size)));
    };
    const auto take = [&](std::vector<std::byte>& bytes) {
        tally read;
        feed(end, bytes, read);
        result.ends += read.ends;
        if (read.error == errc::out_of_memory)
            ++result.out_of_memory;
        else if (read.error != errc::success)
            result.strange = read.error;
        return read.error == errc::success;
    };
    prepared_message prepared;
    const bool is_prepared = note(prepared.assign_text(text.substr(0, 800)), 0);
    if (!take(in)) return result;
    note(end->send_text(part(900)), 900);
    bool begun = note(end->send_fragment(opcode::text, part(400), false), 400);
    begun = note(end->send_fragment(opcode::text, part(700), false), 700) || begun;
    const bool ended = note(end->send_fragment(opcode::text, part(300), true), 300);
    if (begun && !ended && !note(end->send_fragment(opcode::text, {}, true), 0)) {
        result.begun = true;
        return result;
    }
    note(end->send_text(part(1000)), 1000);
    note(end->send_text(part(0)), 0);
    if (is_prepared) {
        note(end->send(prepared), 800);
        note(end->send(prepared, compression::never), 800);
        if constexpr (End::side == role::server) {
            const auto none = [](auto, auto) { return std::size_t{0}; };
            note(end->send_through(prepared, none), 800);
        }
    }
    // In the middle of a message, whose rest is not sent any more.
    note(end->send_fragment(opcode::text, part(600), false), 0);
    // Written, so that the Close has to find memory of its own.
    const std::span<const std::byte> output = end->output();
    written.insert(written.end(), output.begin(), output.end()); // has room
    end->consume_output(output.size());
    end->release_memory();
    note(end->close(close_code::going_away, "bye"), 0);
    take(peers_close);
    return result;
}

} // namespace

TEMPLATE_TEST_CASE("permessage_deflate: lives with every allocation that fails", "[memory]",
                   deflating_server, deflating_client, deflating_server_stream) {
    std::mt19937 random(12);
    const std::string text = some_noise(random, 500) + std::string(500, 'x');
    const std::int64_t nothing = leaked_by_a_thread([] {}); // of the thread itself
    std::string ascii;
    for (const char c : text)
        ascii += static_cast<char>('a' + (static_cast<unsigned char>(c) % 26));
    for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
        for (const std::int64_t in_a_row : {std::int64_t{1}, std::int64_t{1000}}) {
            std::int64_t failures = 0;
            for (std::int64_t index = 0;; ++index) {
                bool happened = false;
                REQUIRE(index < 200);
                CAPTURE(parameters, in_a_row, index);
                account result;
                bool readable = true;
                bool throws = false;
                // On a thread of its own: nothing is shared yet.
                const std::int64_t leaked = leaked_by_a_thread([&] {
                    {
                        compressing_peer peer;
                        frame_writer out(TestType::side);
                        out.frame(0xC1, peer.message(ascii));
                        if (!parameters.empty()) peer.begin_anew();
                        const std::string second = peer.message(ascii);
                        out.frame(0x41, second.substr(0, 5)).frame(0x80, second.substr(5));
                        std::vector<std::byte> in = out.bytes();
                        std::vector<std::byte> close =
                            frame_writer(TestType::side).close(1000, "bye").bytes();
                        TestType end(parameters, limits{}, always());
                        std::string sent;
                        sent.reserve(10'000);
                        std::vector<std::byte> written;
                        written.reserve(20'000);
                        {
                            failing_allocations failing(index, in_a_row);
                            const std::int64_t throwing = allocations().throwing;
                            result = everything(end, in, close, ascii, sent, written);
                            happened = failing.happened();
                            throws = allocations().throwing != throwing;
                        }
                        if (result.begun) {
                            readable = end->send_fragment(opcode::text, {}, true) == errc::success;
                        }
                        // What was sent can be read, whatever failed in between.
                        decompressing_peer reader;
                        std::string got;
                        std::string wire;
                        bool is_compressed = false;
                        const std::span<const std::byte> rest = end->output();
                        written.insert(written.end(), rest.begin(), rest.end());
                        for (const wire_frame& frame : frames_of(written)) {
                            if (frame.op() >= 8) continue;
                            if (frame.op() != 0) is_compressed = frame.rsv() != 0;
                            wire += frame.payload;
                            if (!frame.fin()) continue;
                            if (!parameters.empty()) reader.begin_anew();
                            const auto message = is_compressed ? reader.message(wire)
                                                               : std::optional<std::string>(wire);
                            if (!message.has_value())
                                readable = false;
                            else
                                got += *message;
                            wire.clear();
                        }
                        if (got != sent) readable = false;
                    }
                });
                CHECK(result.strange == errc::success);
                CHECK(result.ends == (result.begun ? 0 : 1));
                CHECK_FALSE(throws);
                CHECK(readable);
                if (happened) {
                    // Where libdeflate has no room for its guess, zlib makes do with less.
                    const bool made_good = has_libdeflate && in_a_row == 1 && !parameters.empty();
                    if (!made_good) CHECK(result.out_of_memory > 0);
                    ++failures;
                }
                CHECK(leaked == nothing);
                if (!happened) break;
            }
            CHECK(failures >= 6);
        }
    }
}

TEST_CASE("permessage_deflate: negotiation takes no memory", "[memory]") {
    const std::int64_t before = allocations().calls;
    permessage_deflate client{deflate_settings{}};
    permessage_deflate server{deflate_settings::no_context_takeover()};
    std::array<char, 256> offer{};
    std::array<char, 256> answer{};
    const written offered = client.write_offer(offer);
    const written said =
        negotiate(server, extension_list(std::string_view(offer.data(), offered.size)), answer);
    const errc error =
        accept_answer(client, extension_list(std::string_view(answer.data(), said.size)));
    permessage_deflate moved(std::move(client));
    const std::int64_t calls = allocations().calls - before;
    CHECK(calls == 0);
    CHECK(error == errc::success);
    CHECK(moved.active());
}

TEST_CASE("permessage_deflate: a connection may move to another thread, and end there",
          "[memory]") {
    for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
        using connection_type = connection<role::server, options{}, permessage_deflate>;
        std::optional<connection_type> here(std::in_place, limits{},
                                            agreed(role::server, parameters, always()));
        compressing_peer peer;
        std::string message = peer.message("Hello, Hello, Hello");
        std::vector<std::byte> first =
            frame_writer(role::server).frame(0x41, message.substr(0, 4)).bytes();
        std::span<std::byte> in = first;
        REQUIRE(here->next(in).kind == event_kind::need_data);
        REQUIRE(here->send_fragment(opcode::text, bytes("Hello, Hello"), false) == errc::success);
        std::string got;
        std::string sent;
        std::thread([&] {
            connection_type there(std::move(*here));
            here.reset();
            std::vector<std::byte> second =
                frame_writer(role::server).frame(0x80, message.substr(4)).bytes();
            std::span<std::byte> rest = second;
            got = there.next(rest).text();
            (void)there.send_fragment(opcode::text, bytes(", Hello"), true);
            for (const wire_frame& frame : frames_of(there.output()))
                sent += frame.payload;
        }).join();
        CHECK(got == "Hello, Hello, Hello");
        CHECK(decompressing_peer().message(sent) == "Hello, Hello, Hello");
    }
}

namespace {

// Uses a connection when the thread's own are gone already.
struct late_user {
    std::optional<deflating_server> end;
    bool in_the_middle = false;

    ~late_user() {
        if (!end.has_value()) return;
        deflating_server& last = *end;
        const std::string text(500, 'x');
        bool good =
            !in_the_middle || last->send_fragment(opcode::text, bytes("y"), true) == errc::success;
        last->consume_output(last->output().size());
        for (int i = 0; i < 3; ++i) {
            good = good && last->send_text(text) == errc::success;
            for (const wire_frame& frame : frames_of(last->output())) {
                good = good &&
                       (frame.rsv() == 0 ? frame.payload
                                         : decompressing_peer().message(frame.payload)) == text;
            }
            last->consume_output(last->output().size());
            std::vector<std::byte> in =
                frame_writer(role::server).frame(0xC1, compressed(text)).bytes();
            tally result;
            feed(last, in, result);
            good = good && result.octets == text.size();
        }
        if (!good) std::_Exit(1);
    }
};

} // namespace

TEST_CASE("permessage_deflate: a connection may outlive what its thread keeps", "[memory]") {
    static late_user statically; // ends after what is local to the main thread
    statically.end.emplace(keeps_nothing, limits{}, always());
    CHECK((*statically.end)->send_text(std::string(500, 'x')) == errc::success);
    CHECK((*statically.end)->send_fragment(opcode::text, bytes("x"), false) == errc::success);
    statically.in_the_middle = true;
    // The thread could not even have the connection itself.
    if (!detail::threads_keep_objects) return;
    std::thread([] {
        // Made before what the thread keeps, so that it ends after it.
        static thread_local late_user locally;
        locally.end.emplace(keeps_nothing, limits{}, always());
        (void)(*locally.end)->send_text(std::string(500, 'x'));
        (void)(*locally.end)->send_fragment(opcode::text, bytes("x"), false);
        locally.in_the_middle = true;
    }).join();
}
