// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// UTF-8 validation that goes on over fragments and fails at the first impossible byte.

#ifndef FRAMEWIRE_UTF8_HPP
#define FRAMEWIRE_UTF8_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/masking.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framewire {

namespace detail {

inline constexpr std::uint64_t high_bits = 0x8080808080808080;

[[nodiscard]] constexpr std::size_t ascii_prefix(std::span<const std::byte> bytes) noexcept {
    std::size_t i = 0;
    for (; bytes.size() - i >= 32; i += 32) {
        const std::byte* p = bytes.data() + i;
        if (((load_native<std::uint64_t>(p) | load_native<std::uint64_t>(p + 8) |
              load_native<std::uint64_t>(p + 16) | load_native<std::uint64_t>(p + 24)) &
             high_bits) != 0) {
            break;
        }
    }
    while (i < bytes.size() && bytes[i] < std::byte{0x80})
        ++i;
    return i;
}

} // namespace detail

/// Checks that a text message is UTF-8 while it arrives (RFC 6455 8.1, RFC 3629), whatever the
/// pieces. Overlong forms, surrogates and values over U+10FFFF are refused at the first byte that
/// no valid text could have in that place, also in the middle of a code point.
class utf8_validator {
public:
    /// Takes the next piece of the text.
    /// \returns how many bytes were accepted: `bytes.size()` when all are possible, else the index
    /// of the first impossible byte. After a failure, call `reset` before the next text.
    [[nodiscard]] constexpr std::size_t feed(std::span<const std::byte> bytes) noexcept {
        std::size_t i = 0;
        while (i < bytes.size()) {
            if (missing_ == 0) {
                i += detail::ascii_prefix(bytes.subspan(i));
                if (i == bytes.size()) break;
                if (!begin(std::to_integer<std::uint8_t>(bytes[i]))) return i;
            } else {
                const auto byte = std::to_integer<std::uint8_t>(bytes[i]);
                if (byte < lowest_ || byte > highest_) return i;
                --missing_;
                lowest_ = 0x80;
                highest_ = 0xBF;
            }
            ++i;
        }
        return i;
    }

    /// Unmasks the next piece of the text where it stands and checks it, in one pass while it is
    /// ASCII. `key` is moved on for the next piece. Returns as `feed`; after a failure the bytes
    /// behind the failure are in no defined state.
    [[nodiscard]] constexpr std::size_t feed_masked(std::span<std::byte> bytes,
                                                    masking_key& key) noexcept {
        const std::uint64_t word = detail::key_word(key);
        std::size_t i = 0;
        while (bytes.size() - i >= 32) {
            // Steps of 32 bytes keep the key in phase: 32 is a multiple of its four octets.
            std::byte* p = bytes.data() + i;
            const auto a = detail::load_native<std::uint64_t>(p) ^ word;
            const auto b = detail::load_native<std::uint64_t>(p + 8) ^ word;
            const auto c = detail::load_native<std::uint64_t>(p + 16) ^ word;
            const auto d = detail::load_native<std::uint64_t>(p + 24) ^ word;
            detail::store_native(p, a);
            detail::store_native(p + 8, b);
            detail::store_native(p + 16, c);
            detail::store_native(p + 24, d);
            if (missing_ != 0 || ((a | b | c | d) & detail::high_bits) != 0) {
                const std::size_t accepted = feed(bytes.subspan(i, 32));
                if (accepted != 32) return i + accepted;
            }
            i += 32;
        }
        const std::span<std::byte> tail = bytes.subspan(i);
        key = mask_in_place(tail, key);
        return i + feed(tail);
    }

    /// True when the text does not end inside a code point.
    [[nodiscard]] constexpr bool complete() const noexcept { return missing_ == 0; }

    /// Makes ready for the next text.
    constexpr void reset() noexcept { missing_ = 0; }

private:
    // RFC 3629 4: what the first byte says about the bytes that follow it.
    constexpr bool begin(std::uint8_t lead) noexcept {
        lowest_ = 0x80;
        highest_ = 0xBF;
        if (lead >= 0xC2 && lead <= 0xDF) {
            missing_ = 1;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            missing_ = 2;
            if (lead == 0xE0) lowest_ = 0xA0;  // shorter forms exist
            if (lead == 0xED) highest_ = 0x9F; // surrogates
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            missing_ = 3;
            if (lead == 0xF0) lowest_ = 0x90;  // shorter forms exist
            if (lead == 0xF4) highest_ = 0x8F; // over U+10FFFF
        } else {
            return false;
        }
        return true;
    }

    std::uint8_t missing_ = 0;
    std::uint8_t lowest_ = 0x80;
    std::uint8_t highest_ = 0xBF;
};

/// True when `bytes` as a whole are valid UTF-8.
[[nodiscard]] constexpr bool is_utf8(std::span<const std::byte> bytes) noexcept {
    utf8_validator validator;
    return validator.feed(bytes) == bytes.size() && validator.complete();
}

/// True when `text` as a whole is valid UTF-8.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
    return is_utf8(std::as_bytes(std::span(text.data(), text.size())));
}

/// The longest prefix of valid UTF-8 `text` that has at most `max_size` bytes and ends between code
/// points: for cutting a close reason to `max_close_reason`.
[[nodiscard]] constexpr std::string_view utf8_prefix(std::string_view text,
                                                     std::size_t max_size) noexcept {
    if (text.size() <= max_size) return text;
    std::size_t size = max_size;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
        --size;
    return text.substr(0, size);
}

} // namespace framewire

#endif
