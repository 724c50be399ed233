// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// UTF-8 validation that goes on over fragments and fails at the first impossible byte.

#ifndef FRAMEWIRE_UTF8_HPP
#define FRAMEWIRE_UTF8_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/simd_dispatch.hpp>
#include <framewire/detail/simd_portable.hpp>
#include <framewire/detail/simd_short.hpp>
#include <framewire/masking.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace framewire {

/// Checks that a text message is UTF-8 while it arrives (RFC 6455 8.1, RFC 3629), whatever the
/// pieces. Overlong forms, surrogates and values over U+10FFFF are refused at the first byte that
/// no valid text could have in that place, also in the middle of a code point.
class utf8_validator {
public:
    /// Takes the next piece of the text.
    /// \returns how many bytes were accepted: `bytes.size()` when all are possible, else the index
    /// of the first impossible byte. After a failure, call `reset` before the next text.
    [[nodiscard]] constexpr std::size_t feed(std::span<const std::byte> bytes) noexcept {
        if (!std::is_constant_evaluated() && missing_ == 0 && bytes.size() < detail::kernels_from &&
            detail::is_short_ascii(bytes.data(), bytes.size())) {
            return bytes.size();
        }
        return feed_any(bytes.data(), bytes.size());
    }

    /// Unmasks the next piece of the text where it stands and checks it, in one pass while it is
    /// ASCII. `key` is moved on for the next piece. Returns as `feed`; after a failure the bytes
    /// behind the failure are in no defined state.
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE constexpr std::size_t
    feed_masked(std::span<std::byte> bytes, masking_key& key) noexcept {
        if (std::is_constant_evaluated()) {
            key = mask_in_place(bytes, key);
            return feed(bytes);
        }
        const std::size_t size = bytes.size();
        const auto half = std::bit_cast<std::uint32_t>(key.octets);
        key = rotated(key, size);
        if (size >= detail::kernels_from) return feed_any_masked(bytes.data(), size, half);
        const auto found = detail::mask_short<true>(bytes.data(), bytes.data(), size, half);
        if (found == detail::short_text::ascii && missing_ == 0) return size;
        if (found == detail::short_text::still_masked)
            return feed_any_masked(bytes.data(), size, half);
        return feed_any(bytes.data(), size);
    }

    /// True when the text does not end inside a code point.
    [[nodiscard]] constexpr bool complete() const noexcept { return missing_ == 0; }

    /// Makes ready for the next text.
    constexpr void reset() noexcept { missing_ = 0; }

private:
    // Out of line: what short ASCII, the rule, should not have to step over.
    FRAMEWIRE_NEVER_INLINE constexpr std::size_t feed_any(const std::byte* text,
                                                          std::size_t size) noexcept {
        std::size_t i = 0;
        for (; i < size && missing_ != 0; ++i) {
            if (!take(text[i])) return i;
        }
        return i + feed_behind(text + i, size - i, valid_prefix(text + i, size - i));
    }

    FRAMEWIRE_NEVER_INLINE std::size_t feed_any_masked(std::byte* text, std::size_t size,
                                                       std::uint32_t key) noexcept {
        std::size_t i = 0;
        for (; i < size && missing_ != 0; ++i) {
            text[i] ^= detail::key_octet(key, i);
            if (!take(text[i])) return i;
        }
        const std::size_t valid =
            detail::kernels().unmask_utf8(text + i, size - i, detail::rotated_key(key, i));
        return i + feed_behind(text + i, size - i, valid);
    }

    [[nodiscard]] static constexpr std::size_t valid_prefix(const std::byte* text,
                                                            std::size_t size) noexcept {
        if (std::is_constant_evaluated()) return detail::portable::valid_utf8(text, size);
        return detail::kernels().valid_utf8(text, size);
    }

    // Goes on behind the first `valid` bytes, which are whole code points: the next one is
    // unfinished or impossible, or stands in a step of the kernel with one that is.
    constexpr std::size_t feed_behind(const std::byte* text, std::size_t size,
                                      std::size_t valid) noexcept {
        std::size_t i = valid;
        while (i < size && take(text[i]))
            ++i;
        return i;
    }

    // One byte.
    constexpr bool take(std::byte next) noexcept {
        const auto byte = std::to_integer<std::uint8_t>(next);
        if (missing_ == 0) return byte < 0x80 || begin(byte);
        if (byte < lowest_ || byte > highest_) return false;
        --missing_;
        lowest_ = 0x80;
        highest_ = 0xBF;
        return true;
    }

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
    return is_utf8(detail::bytes_of(text));
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
