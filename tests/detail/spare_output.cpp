// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/spare_output.hpp>

#include <framewire/connection.hpp>

#include "support/catch.hpp"

#include <thread>
#include <vector>

using namespace framewire;
using detail::spare_output;

namespace {

using server = connection<role::server>;

void send(server& end, std::size_t size) {
    const std::vector<std::byte> payload(size);
    CHECK(end.send_binary(payload) == errc::success);
}
void write_all(server& end) { end.consume_output(end.output().size()); }

/// The tests begin with a thread that keeps nothing. Where no thread can, there is nothing to test.
template <class Body> void in_new_thread(Body body) {
    if (detail::threads_keep_objects) std::thread(body).join();
}

} // namespace

TEST_CASE("spare_output: connections that take turns do with the memory of one") {
    in_new_thread([] {
        server first;
        server second;
        spare_output::take(first); // there is none yet
        CHECK(first.output_capacity() == 0);
        send(first, 5000);
        const std::size_t capacity = first.output_capacity();
        const std::byte* const where = first.output().data();
        CHECK(capacity >= 5000);
        write_all(first);
        spare_output::leave(first);
        CHECK(first.output_capacity() == 0);

        in_new_thread([] { // which has none
            server other;
            spare_output::take(other);
            CHECK(other.output_capacity() == 0);
        });
        spare_output::take(second);
        CHECK(second.output_capacity() == capacity);
        send(second, 5000);
        CHECK(second.output().data() == where);
    });
}

TEST_CASE("spare_output: what waits to be written stays where it is") {
    in_new_thread([] {
        server slow;
        send(slow, 5000);
        const std::byte* const where = slow.output().data();
        spare_output::leave(slow);
        CHECK(slow.output().data() == where);
        CHECK(slow.output().size() == 5004);

        server quick;
        send(quick, 100);
        write_all(quick);
        spare_output::leave(quick); // the first block that the thread has
        CHECK(quick.output_capacity() == 0);
        spare_output::take(slow);
        CHECK(slow.output().data() == where);
        write_all(slow);
        const std::size_t capacity = slow.output_capacity();
        spare_output::leave(slow); // one too many
        CHECK(slow.output_capacity() == capacity);
    });
}

TEST_CASE("spare_output: a thread keeps no more than 128 KiB") {
    in_new_thread([] {
        server end;
        send(end, spare_output::largest);
        write_all(end);
        const std::size_t capacity = end.output_capacity();
        CHECK(capacity > spare_output::largest);
        spare_output::leave(end);
        CHECK(end.output_capacity() == capacity);
        end.release_memory();
        CHECK(end.output_capacity() == 0);
    });
}

TEST_CASE("spare_output: a connection may outlive what its thread keeps") {
    struct late {
        server end;
        ~late() {
            spare_output::take(end);
            spare_output::leave(end);
            send(end, 100);
            write_all(end);
            spare_output::leave(end);
            CHECK(end.output_capacity() >= 100);
        }
    };
    in_new_thread([] {
        static thread_local late outlives; // made before what the thread keeps is
        send(outlives.end, 1000);
        write_all(outlives.end);
        spare_output::leave(outlives.end);
        CHECK(outlives.end.output_capacity() == 0);
    });
}
