// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the threat tests of the core, of Asio and of Qt have in common: messages as the peer of an
// endpoint sends them, whole and in pieces, and the memory that is taken meanwhile. An `End` says
// what it is by `side`, and by `deflates` whether its peer compresses.

#ifndef FRAMEWIRE_TESTS_THREATS_MESSAGES_HPP
#define FRAMEWIRE_TESTS_THREATS_MESSAGES_HPP

#include "support/allocation_counter.hpp"
#include "support/deflate.hpp"
#include "support/peer.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace framewire::test {

/// The first octet of a message's first frame.
template <class End> constexpr unsigned first_octet(bool fin, bool text = false) {
    return (fin ? 0x80u : 0u) | (End::deflates ? 0x40u : 0u) | (text ? 1u : 2u);
}
template <class End> inline constexpr unsigned first_of_many = first_octet<End>(false);
template <class End> inline constexpr unsigned only_one = first_octet<End>(true);

/// A payload, compressed where it has to be, in so many frames.
template <class End>
frame_writer in_frames(std::string_view payload, std::size_t frames, bool text = false) {
    frame_writer out(End::side);
    const std::size_t each = (payload.size() + frames - 1) / frames;
    for (std::size_t i = 0; i < frames; ++i) {
        const bool last = i + 1 == frames;
        const std::string_view part = last ? payload : payload.substr(0, each);
        payload.remove_prefix(part.size());
        out.frame(i == 0 ? first_octet<End>(last, text) : last ? 0x80u : 0x00u, part);
    }
    return out;
}

/// A message in so many frames.
template <class End>
frame_writer message_in_frames(std::string_view content, std::size_t frames, bool text = false) {
    return in_frames<End>(End::deflates ? compressed(content) : std::string(content), frames, text);
}

/// Octets that do not get shorter by compressing them.
inline std::string noise(std::size_t size) {
    std::mt19937 random(1);
    return some_noise(random, size);
}

/// The most that was live while `act` ran, beyond what was before.
template <class Act> std::int64_t peak_of(Act act) {
    const std::int64_t before = allocations().live_bytes;
    reset_peak();
    act();
    return peak_bytes() - before;
}

/// What an adapter itself may take while it reads: its buffers, and zlib's window.
inline constexpr std::int64_t adapter_buffers = 400'000;

} // namespace framewire::test

#endif
