// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a threat test needs of an endpoint, so that each runs as client and server, with compression
// and without. Another way to run a connection (an adapter over a stream in memory) joins by a
// class with the members of `core_driver`, named in FRAMEWIRE_THREAT_DRIVERS.

#ifndef FRAMEWIRE_TESTS_THREATS_DRIVER_HPP
#define FRAMEWIRE_TESTS_THREATS_DRIVER_HPP

#include "messages.hpp"
#include "support/allocation_counter.hpp"
#include "support/deflate.hpp"
#include "support/peer.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace framewire::test {

/// The core by itself. `Deflates`: both sides have agreed on permessage-deflate, and the peer
/// compresses what it sends.
template <role Role, bool Deflates> class core_driver {
public:
    static constexpr role side = Role;
    static constexpr bool deflates = Deflates;

    explicit core_driver(const limits& bounds = {}) : end_(bounds, extension()) {}

    /// Takes what the peer sends, in a block of exactly its size, and counts what it leads to.
    void receive(std::string_view sent) {
        std::unique_ptr<std::byte[]> block = std::make_unique<std::byte[]>(sent.size());
        std::transform(sent.begin(), sent.end(), block.get(),
                       [](char c) { return static_cast<std::byte>(c); });
        std::span<std::byte> in(block.get(), sent.size());
        for (;;) {
            const std::int64_t before = allocations().live_bytes;
            const std::int64_t calls = allocations().calls;
            reset_peak();
            const event e = end_->next(in);
            peak_ = std::max(peak_, held_ + peak_bytes() - before);
            held_ += allocations().live_bytes - before;
            calls_ += allocations().calls - calls;
            if (e.kind == event_kind::need_data) break;
            tell(e);
        }
    }
    void receive(const frame_writer& sent) { receive(sent.str()); }

    /// Bytes that the connection holds, and the most that it has held at a time.
    [[nodiscard]] std::int64_t held() const { return held_; }
    [[nodiscard]] std::int64_t peak() const { return peak_; }
    /// How often it has asked for memory.
    [[nodiscard]] std::int64_t allocation_calls() const { return calls_; }

    [[nodiscard]] std::size_t messages() const { return messages_; }
    /// Of the newest message.
    [[nodiscard]] std::size_t message_size() const { return message_size_; }
    [[nodiscard]] std::size_t control_frames() const { return controls_; }
    [[nodiscard]] bool ended() const { return ends_ != 0; }
    [[nodiscard]] std::size_t ends() const { return ends_; }
    /// `success` unless it has failed.
    [[nodiscard]] errc error() const { return error_; }
    /// What it told the peer in the Close frame that it sent; 0 when there is none.
    [[nodiscard]] unsigned close_sent() {
        for (const wire_frame& frame : frames_of(end_->output())) {
            if (frame.op() != 8 || frame.payload.size() < 2) continue;
            return static_cast<unsigned>(static_cast<unsigned char>(frame.payload[0])) << 8 |
                   static_cast<unsigned char>(frame.payload[1]);
        }
        return 0;
    }

    [[nodiscard]] auto& connection() { return *end_; }

private:
    static auto extension() {
        if constexpr (Deflates)
            return agreed(Role, "", always());
        else
            return no_extension{};
    }
    void tell(const event& e) {
        switch (e.kind) {
        case event_kind::text:
        case event_kind::binary:
            ++messages_;
            message_size_ = e.payload.size();
            break;
        case event_kind::ping:
        case event_kind::pong: ++controls_; break;
        case event_kind::failed: error_ = e.error; [[fallthrough]];
        default: ++ends_;
        }
    }

    endpoint<Role, options{}, std::conditional_t<Deflates, permessage_deflate, no_extension>> end_;
    std::int64_t held_ = 0;
    std::int64_t peak_ = 0;
    std::int64_t calls_ = 0;
    std::size_t messages_ = 0;
    std::size_t message_size_ = 0;
    std::size_t controls_ = 0;
    std::size_t ends_ = 0;
    errc error_ = errc::success;
};

using core_server = core_driver<role::server, false>;
using core_client = core_driver<role::client, false>;
using core_deflating_server = core_driver<role::server, true>;
using core_deflating_client = core_driver<role::client, true>;

// clang-format off
#define FRAMEWIRE_THREAT_DRIVERS \
    framewire::test::core_server, framewire::test::core_client, \
    framewire::test::core_deflating_server, framewire::test::core_deflating_client
// clang-format on

/// zlib's decompressor, with its window; what else a connection holds that has nothing to tell.
template <class Driver> inline constexpr std::int64_t driver_overhead =
    Driver::deflates ? 50'000 : 1024;

} // namespace framewire::test

#endif
