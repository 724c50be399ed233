// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/outgoing.hpp>

#include "qt/support/faulty_device.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

using namespace framewire::test;
using framewire::qt::detail::outgoing;

namespace {

/// Sends what `frames` is, whenever the device has written something.
class sender final : public outgoing {
public:
    explicit sender(device_wire& wire) {
        transport_.take(std::make_unique<faulty_plain_device>(wire));
        transport_.tell(
            *this, [] {}, [this] { go_on(); }, [] {}, [] {});
        phase_ = framewire::qt::detail::phase::open;
    }
    ~sender() override { transport_.tell_no_more(*this); }

    void go_on() {
        note_written();
        flush_head();
        flush();
    }

    using outgoing::flush;
    using outgoing::flush_head;
    using outgoing::is_flushed;
    using outgoing::send_head;
    using outgoing::take_drained;
    using outgoing::take_written;

    std::string frames;
    int failures = 0;

private:
    [[nodiscard]] std::span<const std::byte> output() const noexcept override {
        return std::as_bytes(std::span(frames));
    }
    void consume_output(std::size_t size) noexcept override { frames.erase(0, size); }
    void write_failed() override { ++failures; }
};

faulty_plain_device& far_end(const device_wire& wire) {
    return *static_cast<faulty_plain_device*>(wire.device);
}

} // namespace

TEST_CASE("outgoing: no frame overtakes what is left of the head") {
    device_wire wire;
    wire.failing = 0;
    sender s(wire);
    SECTION("which the device takes a byte at a time") {
        wire.fault = device_fault::takes_little;
        s.send_head("head ");
    }
    SECTION("which the device has no room for") {
        wire.fault = device_fault::takes_none;
        s.send_head("head ");
        CHECK_FALSE(s.is_flushed());
        s.frames = "frames";
        s.flush();
        CHECK(wire.unsent.empty());
        s.flush_head();
    }
    CHECK(wire.unsent == "head ");
    s.frames = "frames";
    s.flush();
    CHECK(wire.unsent == "head frames");
    CHECK(s.is_flushed());
}

TEST_CASE("outgoing: a device may tell of what it writes before it has written it") {
    device_wire wire;
    wire.fault = device_fault::tells_in_it;
    wire.failing = GENERATE(0u, 1u);
    sender s(wire);
    s.frames = "frames";
    s.send_head("head ");
    s.flush();
    CHECK(wire.failed());
    CHECK(wire.unsent == "head frames");
    CHECK(s.is_flushed());
    CHECK(s.take_written());
    CHECK_FALSE(s.take_written());
}

TEST_CASE("outgoing: what the device does not take any more is given up") {
    device_wire wire;
    wire.fault = device_fault::fails;
    wire.failing = GENERATE(0u, 1u);
    sender s(wire);
    s.frames = "frames";
    s.send_head("head ");
    s.flush();
    CHECK(s.is_flushed());
    CHECK(s.failures == (wire.failing == 0 ? 2 : 1));
    CHECK(wire.unsent == (wire.failing == 0 ? "" : "head "));
}

TEST_CASE("outgoing: has drained when nothing waits any more, once for each time that something "
          "had to") {
    device_wire wire;
    sender s(wire);
    CHECK_FALSE(s.take_drained());
    s.frames.assign(200'000, 'x');
    s.flush();
    CHECK(s.buffered_amount() == 200'000);
    CHECK(wire.unsent.size() == 131'072);
    CHECK_FALSE(s.take_drained());
    CHECK(far_end(wire).take().size() == 131'072); // and the rest follows
    CHECK(s.buffered_amount() == 200'000 - 131'072);
    CHECK_FALSE(s.take_drained());
    CHECK(far_end(wire).take().size() == 200'000 - 131'072);
    CHECK(s.buffered_amount() == 0);
    CHECK(s.take_drained());
    CHECK_FALSE(s.take_drained());
    // What waits in the device waits, too.
    s.frames = "few";
    s.flush();
    CHECK(s.is_flushed());
    CHECK_FALSE(s.take_drained());
    CHECK(far_end(wire).take() == "few");
    CHECK(s.take_drained());
}
