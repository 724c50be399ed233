// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Pings that somebody waits for. Who asks while one is under way waits for the same Pong.

#ifndef FRAMEWIRE_ASIO_DETAIL_ROUND_TRIPS_HPP
#define FRAMEWIRE_ASIO_DETAIL_ROUND_TRIPS_HPP

#include <framewire/asio/detail/operation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace framewire::net::detail {

template <typename Clock> class round_trips {
public:
    using duration = std::chrono::nanoseconds;

    [[nodiscard]] operation_queue<duration>& waiting() noexcept { return waiting_; }

    // Of the next Ping: its number.
    [[nodiscard]] std::span<const std::byte> next_payload() noexcept {
        ++number_;
        return std::as_bytes(std::span(&number_, 1));
    }
    void sent(typename Clock::time_point now) noexcept { sent_ = now; }

    // Completes those that wait, when it is the answer to the last Ping.
    void take_pong(std::span<const std::byte> payload) {
        if (payload.size() != sizeof(number_)) return;
        if (std::memcmp(payload.data(), &number_, sizeof(number_)) != 0) return;
        waiting_.complete_all({}, std::chrono::duration_cast<duration>(Clock::now() - sent_));
    }

private:
    operation_queue<duration> waiting_;
    std::uint32_t number_ = 0;
    typename Clock::time_point sent_{};
};

} // namespace framewire::net::detail

#endif
