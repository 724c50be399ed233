// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/detail/handover.hpp>

#include "asio/support/noted_operation.hpp"
#include "support/allocation_counter.hpp"
#include "support/catch.hpp"

#include <memory>
#include <span>
#include <utility>

using framewire::opcode;
using framewire::test::throwing_allocations;

namespace {

using handover = framewire::net::detail::handover<std::unique_ptr<int>>;
using waiting_read = framewire::test::noted_operation<framewire::net::message>;

char letter_a[] = {'a'};
char letter_b[] = {'b'};

framewire::net::message text(std::span<char> payload) {
    return {opcode::text, true, true, std::as_writable_bytes(payload)};
}

} // namespace

TEST_CASE("handover: a message goes to who waits for it") {
    waiting_read read;
    handover h;
    h.add_reader(&read, true, [] {});
    h.offer(text(letter_a));
    CHECK(read.calls == 1);
    CHECK(read.rest.text() == "a");
    CHECK(h.readers().empty());
    CHECK_FALSE(h.has_parked());
}

TEST_CASE("handover: a message that nobody waits for is kept for the next one who asks") {
    waiting_read read;
    handover h;
    h.offer(text(letter_a));
    CHECK(h.has_parked());
    CHECK_FALSE(h.is_free()); // what is read next would overwrite it
    h.add_reader(&read, true, [] {});
    CHECK(h.is_wanted());
    h.deliver_parked();
    CHECK(read.rest.text() == "a");
    CHECK_FALSE(h.has_parked());

    h.offer(text(letter_b));
    h.drop_parked();
    CHECK_FALSE(h.has_parked());
}

TEST_CASE("handover: while it is paused a message waits, whoever asks") {
    waiting_read read;
    handover h;
    h.pause(true);
    h.add_reader(&read, true, [] {});
    CHECK_FALSE(h.is_wanted());
    h.offer(text(letter_a));
    CHECK(read.calls == 0);
    h.pause(false);
    CHECK(h.is_wanted());
    h.deliver_parked();
    CHECK(read.calls == 1);
}

TEST_CASE("handover: a message is looked at until it is taken back, unless its reader copied it") {
    waiting_read read;
    handover h;
    h.add_reader(&read, true, [] {});
    h.offer(text(letter_a));
    CHECK(h.is_lent());
    CHECK(h.looked_at());
    CHECK_FALSE(h.is_free());
    h.take_back();
    CHECK_FALSE(h.looked_at());
    CHECK(h.is_free());

    h.add_reader(&read, false, [] {});
    h.offer(text(letter_b));
    CHECK_FALSE(h.is_lent());
    CHECK(h.is_free());
}

TEST_CASE("handover: what was put aside is not overwritten, and is released when it is told to") {
    waiting_read read;
    handover h;
    h.add_reader(&read, true, [] {});
    h.offer(text(letter_a));
    auto bytes = std::make_unique<int>(1);
    const int* const place = bytes.get();
    h.put_aside([&] { return std::move(bytes); });
    h.put_assembled_aside({});
    CHECK(h.is_lent()); // still
    CHECK(h.is_free());
    CHECK(h.has_aside());
    CHECK(*place == 1); // AddressSanitizer would say
    h.release_aside();
    CHECK_FALSE(h.has_aside());
}

TEST_CASE("handover: to read on, only what is looked at is in the way") {
    waiting_read read;
    handover h;
    h.read_on();
    CHECK_FALSE(h.in_the_way());
    h.add_reader(&read, true, [] {});
    h.offer(text(letter_a));
    CHECK_FALSE(h.in_the_way()); // nobody has asked since
    h.read_on();
    CHECK(h.in_the_way());
    CHECK(h.looked_at()); // until it is aside

    SECTION("and no longer once it is aside") {
        h.put_aside([] { return nullptr; });
        h.put_assembled_aside({});
        CHECK_FALSE(h.in_the_way());
        h.read_on();
        CHECK_FALSE(h.in_the_way());
    }
    SECTION("nor once it was taken back") {
        h.take_back();
        CHECK_FALSE(h.in_the_way());
        h.add_reader(&read, true, [] {});
        h.offer(text(letter_b));
        CHECK_FALSE(h.in_the_way());
    }
}

TEST_CASE("handover: without memory nothing is put aside, and nothing is detached") {
    waiting_read read;
    handover h;
    h.add_reader(&read, true, [] {});
    h.offer(text(letter_a));
    bool detached = false;
    throwing_allocations memory(0);
    const bool done = memory.during([&] {
        h.put_aside([&] {
            detached = true;
            return nullptr;
        });
    });
    CHECK_FALSE(done);
    CHECK_FALSE(detached);
    CHECK(h.looked_at());
}

TEST_CASE("handover: a reader that could not be started is destroyed") {
    struct failure {};
    waiting_read read;
    handover h;
    CHECK_THROWS_AS(h.add_reader(&read, true, [] { throw failure(); }), failure);
    CHECK(read.destroyed == 1);
    CHECK(h.readers().empty());
}
