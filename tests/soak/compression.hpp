// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client's side of permessage-deflate (RFC 7692), on zlib alone.

#ifndef FRAMEWIRE_TESTS_SOAK_COMPRESSION_HPP
#define FRAMEWIRE_TESTS_SOAK_COMPRESSION_HPP

#include "support/client.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>
#include <zlib.h>

namespace soak {

using benchmarks::bytes;

class compression {
public:
    /// \param takeover whether what is sent refers to messages before (RFC 7692 7.1.1).
    explicit compression(bool takeover) : takeover_(takeover) {
        if (::deflateInit2(&out_, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
            ::inflateInit2(&in_, -15) != Z_OK) {
            benchmarks::die("zlib does not start");
        }
    }
    compression(const compression&) = delete;
    compression& operator=(const compression&) = delete;
    ~compression() {
        ::deflateEnd(&out_);
        ::inflateEnd(&in_);
    }

    /// The payload of a message (RFC 7692 7.2.1).
    [[nodiscard]] std::vector<std::uint8_t> compress(bytes message) {
        if (message.empty()) return {0}; // RFC 7692 7.2.3.6; zlib has nothing to flush
        std::vector<std::uint8_t> made(::deflateBound(&out_, message.size()) + 16);
        out_.next_in = const_cast<Bytef*>(message.data());
        out_.avail_in = static_cast<uInt>(message.size());
        out_.next_out = made.data();
        out_.avail_out = static_cast<uInt>(made.size());
        ::deflate(&out_, Z_SYNC_FLUSH);
        if (out_.avail_out == 0) benchmarks::die("a compressed message is too large");
        made.resize(made.size() - out_.avail_out - 4); // without 00 00 FF FF
        if (!takeover_) ::deflateReset(&out_);
        return made;
    }

    /// Calls `take(bytes)` for what a part of a payload stands for, until it answers false.
    /// \return false too when the part is malformed.
    template <typename Take> [[nodiscard]] bool decompress(bytes part, Take&& take) {
        std::array<std::uint8_t, 16'384> made;
        in_.next_in = const_cast<Bytef*>(part.data());
        in_.avail_in = static_cast<uInt>(part.size());
        do {
            in_.next_out = made.data();
            in_.avail_out = static_cast<uInt>(made.size());
            const int result = ::inflate(&in_, Z_SYNC_FLUSH);
            if (result != Z_OK && result != Z_BUF_ERROR) return false;
            const std::size_t size = made.size() - in_.avail_out;
            if (!take(bytes(made.data(), size))) return false;
        } while (in_.avail_in != 0 || in_.avail_out == 0);
        return true;
    }

    /// Likewise for what is missing at the end of a message (RFC 7692 7.2.2).
    template <typename Take> [[nodiscard]] bool finish(Take&& take) {
        constexpr std::array<std::uint8_t, 4> end{0, 0, 0xFF, 0xFF};
        return decompress(end, take);
    }

private:
    z_stream out_{};
    z_stream in_{};
    bool takeover_;
};

} // namespace soak

#endif
