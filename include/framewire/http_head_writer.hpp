// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Writes the head of an HTTP/1.1 message into a buffer of the caller.

#ifndef FRAMEWIRE_HTTP_HEAD_WRITER_HPP
#define FRAMEWIRE_HTTP_HEAD_WRITER_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/http_fields.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace framewire {

/// What became of writing into a buffer. On an error, the buffer holds nothing of use.
struct written {
    std::size_t size = 0; ///< Bytes written; 0 on an error.
    errc error = errc::success;
    std::size_t needed = 0; ///< With `errc::buffer_too_small`: how many bytes it takes.
};

namespace detail {

// Fields that frame the message, or that belong to the opening handshake itself.
[[nodiscard]] constexpr bool is_reserved_field(std::string_view name) noexcept {
    constexpr std::string_view reserved[] = {"Connection", "Content-Length",    "Host",
                                             "Origin",     "Transfer-Encoding", "Upgrade"};
    for (const std::string_view other : reserved) {
        if (iequals(name, other)) return true;
    }
    return istarts_with(name, "Sec-WebSocket-");
}

} // namespace detail

/// Writes lines one after the other. It goes on counting when the buffer is full, so that one call
/// with an empty buffer tells the size. The first error sticks, and everything after it is ignored.
class http_head_writer {
public:
    /// The buffer is borrowed for the life of the writer.
    constexpr explicit http_head_writer(std::span<char> out) noexcept : out_(out) {}

    // Called for each part of each line: inlined, that would be a tenth of what it takes to compile
    // the core.

    /// Appends a text as it is.
    FRAMEWIRE_NEVER_INLINE constexpr void append(std::string_view text) noexcept {
        if (size_ < out_.size()) text.copy(out_.data() + size_, out_.size() - size_);
        size_ += text.size();
    }
    /// Appends a number in decimal digits.
    FRAMEWIRE_NEVER_INLINE constexpr void append(std::size_t number) noexcept {
        if (number >= 10) append(number / 10);
        const char digit = static_cast<char>('0' + number % 10);
        append(std::string_view(&digit, 1));
    }
    /// Appends texts and numbers, one after the other.
    template <class First, class Second, class... Rest>
    constexpr void append(const First& first, const Second& second, const Rest&... rest) noexcept {
        append(first);
        append(second);
        (append(rest), ...);
    }

    /// Appends a line made of the parts.
    template <class... Parts> constexpr void line(const Parts&... parts) noexcept {
        (append(parts), ...);
        append("\r\n");
    }

    /// Appends a field, unless it could change the meaning of the head: `errc::invalid_field`. The
    /// name has to be a token (RFC 9110 5.1); the value may not have control characters, CR and LF
    /// before all (5.5), and has to say something.
    FRAMEWIRE_NEVER_INLINE constexpr void field(const http_field& field) noexcept {
        const bool usable = detail::is_token(field.name) &&
                            detail::all_are(detail::field_chars, field.value) &&
                            !detail::trim_ows(field.value).empty();
        if (!usable) return fail(errc::invalid_field);
        line(field.name, ": ", field.value);
    }

    /// Appends fields that the application asks for. Those that frame the message or belong to the
    /// handshake are refused with `errc::reserved_field`: Connection, Content-Length, Host, Origin,
    /// Transfer-Encoding, Upgrade, and all Sec-WebSocket fields.
    FRAMEWIRE_NEVER_INLINE constexpr void fields(std::span<const http_field> fields) noexcept {
        for (const http_field& one : fields) {
            if (detail::is_reserved_field(one.name)) fail(errc::reserved_field);
            field(one);
        }
    }

    /// Makes the result an error, unless it is one already.
    constexpr void fail(errc error) noexcept {
        if (error_ == errc::success) error_ = error;
    }

    /// How many bytes everything takes so far, whether there is room for them or not.
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr written result() const noexcept {
        if (error_ != errc::success) return {0, error_};
        if (size_ > out_.size()) return {0, errc::buffer_too_small, size_};
        return {size_};
    }

private:
    std::span<char> out_;
    std::size_t size_ = 0;
    errc error_ = errc::success;
};

} // namespace framewire

#endif
