// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Reads the head of an HTTP/1.1 message, as strictly as RFC 9112 asks for, in bounded memory.

#ifndef FRAMEWIRE_HTTP_HEAD_HPP
#define FRAMEWIRE_HTTP_HEAD_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/http_fields.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace framewire {

/// What reading a head, or an opening handshake, has come to.
enum class head_status : std::uint8_t {
    need_data, ///< Everything given was taken; more has to come.
    complete,  ///< The input stands behind the head.
    failed,    ///< `error()` says why. Nothing further is taken.
};

/// The opening handshakes come to the same.
using handshake_status = head_status;

/// Whether a head begins with a request line or with a status line.
enum class head_kind : std::uint8_t { request, response };

/// How many fields a head may have unless the program says otherwise.
inline constexpr std::size_t default_max_fields = 100;

namespace detail {

/// Copies field text, eight bytes at a time: stops before eight that have a control character among
/// them, be it a tab. \return how many bytes were copied.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE inline std::size_t
copy_plain_words(char* to, const std::byte* from, std::size_t size) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101;
    std::size_t done = 0;
    for (; size - done >= sizeof(std::uint64_t); done += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, from + done, sizeof word);
        // The highest bit of a byte says so; a borrow only comes from one that has said it already.
        const std::uint64_t below_space = (word - ones * ' ') & ~word;
        const std::uint64_t del = word ^ ones * 0x7f;
        if (((below_space | ((del - ones) & ~del)) & ones * 0x80) != 0) break;
        std::memcpy(to + done, &word, sizeof word);
    }
    return done;
}

} // namespace detail

/// Reads one head, in pieces of any size. It fails at the first byte that no head can have there
/// and never looks behind the empty line. No byte is looked at more than three times, so the work
/// is linear in the size of the head however it is cut.
///
/// It is stricter than HTTP in that a bare LF is no line ending and empty lines before a request
/// are refused, and laxer in that a request target may have any visible character except "#"
/// (browsers leave "|" and "{" as they are) and a status line without a reason may lack its last
/// space.
template <head_kind Kind> class http_head_reader {
public:
    /// The head is kept in `storage`, whose size is the limit of the head's size. It is borrowed
    /// for as long as any view is used.
    constexpr explicit http_head_reader(std::span<char> storage,
                                        std::size_t max_fields = default_max_fields) noexcept
        : storage_(storage), fields_left_(max_fields) {}

    /// Takes bytes from the front of `in`, at most up to and including the empty line. When it
    /// fails, `in` begins with the byte that was refused.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr head_status
    feed(std::span<const std::byte>& in) noexcept {
        while (status() == head_status::need_data) {
            in = in.subspan(take_run(in));
            if (in.empty()) break;
            const char c = static_cast<char>(in.front());
            error_ = size_ == storage_.size() ? errc::head_too_large : take(c);
            if (error_ != errc::success) break;
            storage_[size_++] = c;
            in = in.subspan(1);
        }
        return status();
    }

    [[nodiscard]] constexpr head_status status() const noexcept {
        if (error_ != errc::success) return head_status::failed;
        return step_ == step::done ? head_status::complete : head_status::need_data;
    }
    [[nodiscard]] constexpr errc error() const noexcept { return error_; }

    /// The line of the head that was refused, counted from 1; 0 while nothing is wrong.
    [[nodiscard]] constexpr std::size_t error_line() const noexcept {
        return error_ == errc::success ? 0 : line_;
    }

    /// How many bytes were taken.
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

    /// The method, case-sensitive (RFC 9112 3.1). Known as soon as the space behind it was read.
    [[nodiscard]] constexpr std::string_view method() const noexcept
        requires(Kind == head_kind::request) {
        return text(0, method_end_);
    }
    /// The request target as it was sent: visible ASCII characters (RFC 9112 3.2).
    [[nodiscard]] constexpr std::string_view target() const noexcept
        requires(Kind == head_kind::request) {
        return text(method_end_ + 1, target_end_);
    }
    /// The status code, 100-999 (RFC 9112 4). 0 until the status line was read.
    [[nodiscard]] constexpr int status_code() const noexcept requires(Kind == head_kind::response) {
        if (fields_begin_ == 0) return 0;
        int code = 0;
        for (const char c : text(9, 12))
            code = code * 10 + (c - '0');
        return code;
    }
    /// The reason phrase; may be empty (RFC 9112 4). Empty until the status line was read.
    [[nodiscard]] constexpr std::string_view reason() const noexcept
        requires(Kind == head_kind::response) {
        return fields_begin_ == 0 ? std::string_view{} : text(13, fields_begin_ - 2);
    }
    /// The y of "HTTP/1.y" (RFC 9112 2.3).
    [[nodiscard]] constexpr int minor_version() const noexcept { return minor_version_; }

    /// The fields of a complete head; none before that.
    [[nodiscard]] constexpr http_fields fields() const noexcept {
        return http_fields(step_ == step::done ? text(fields_begin_, size_ - 2)
                                               : std::string_view{});
    }

private:
    enum class step : std::uint8_t {
        method,
        target,
        version,
        start_cr,
        status_code,
        reason_or_cr,
        reason,
        start_lf,
        field_or_end,
        name,
        value,
        value_lf,
        last_lf,
        done
    };
    static constexpr bool is_request = Kind == head_kind::request;
    static constexpr errc bad_start_line =
        is_request ? errc::bad_request_line : errc::bad_status_line;

    [[nodiscard]] constexpr std::string_view text(std::size_t from, std::size_t to) const noexcept {
        return from < to ? std::string_view(storage_.data() + from, to - from) : std::string_view{};
    }

    // What to blame a character on that is out of place.
    [[nodiscard]] FRAMEWIRE_COLD static constexpr errc refuse(char c, errc otherwise) noexcept {
        const bool known = detail::is_vchar(c) || detail::is_ows(c) || c == '\r' || c == '\n';
        return known ? otherwise : errc::bad_character;
    }

    constexpr errc go(step next) noexcept {
        step_ = next;
        return errc::success;
    }

    // What there may be any number of.
    [[nodiscard]] constexpr std::uint8_t run_chars() const noexcept {
        switch (step_) {
        case step::method:
        case step::name: return detail::token_chars;
        case step::target: return detail::target_chars;
        case step::reason:
        case step::value: return detail::field_chars;
        default: return 0;
        }
    }

    // Takes bytes after which the step remains what it is. \return how many.
    [[nodiscard]] constexpr std::size_t take_run(std::span<const std::byte> in) noexcept {
        const std::uint8_t chars = run_chars();
        const std::size_t room = storage_.size() - size_;
        const std::size_t most = in.size() < room ? in.size() : room;
        char* const to = storage_.data() + size_;
        std::size_t count = 0;
        if (chars == detail::field_chars && !std::is_constant_evaluated()) {
            count = detail::copy_plain_words(to, in.data(), most);
        }
        for (; count < most; ++count) {
            const char c = static_cast<char>(in[count]);
            if (!detail::is_one_of(chars, c)) break;
            to[count] = c;
        }
        size_ += count;
        return count;
    }

    // Takes a byte that stands behind a run, or where there is none.
    constexpr errc take(char c) noexcept {
        switch (step_) {
        case step::method: return take_method(c);
        case step::target: return take_target(c);
        case step::version: return take_version(c);
        case step::start_cr:
            if (c == '\r') return go(step::start_lf);
            return refuse(c, c == '\n' ? errc::bad_line_ending : bad_start_line);
        case step::status_code: return take_status_code(c);
        case step::reason_or_cr:
            if (c == ' ') return go(step::reason);
            if (c == '\r') return go(step::start_lf);
            return refuse(c, c == '\n' ? errc::bad_line_ending : bad_start_line);
        case step::reason: return take_text(c, step::start_lf);
        case step::start_lf:
            if (c != '\n') return errc::bad_line_ending;
            fields_begin_ = size_ + 1;
            ++line_;
            return go(step::field_or_end);
        case step::field_or_end: return take_field_or_end(c);
        case step::name:
            if (c == ':') return go(step::value);
            // RFC 9112 5.1: no white space between a field's name and the colon.
            return refuse(c, errc::bad_field_line);
        case step::value: return take_text(c, step::value_lf);
        case step::value_lf:
            if (c != '\n') return errc::bad_line_ending;
            ++line_;
            return go(step::field_or_end);
        case step::last_lf: return c == '\n' ? go(step::done) : errc::bad_line_ending;
        case step::done: break;
        }
        return errc::success;
    }

    constexpr errc take_method(char c) noexcept {
        if (c != ' ' || size_ == 0) return refuse(c, bad_start_line);
        method_end_ = size_;
        return go(step::target);
    }

    constexpr errc take_target(char c) noexcept {
        // RFC 9112 3.2: no form of the request target has a fragment.
        if (c == '#') return errc::bad_request_target;
        if (c != ' ' || size_ == method_end_ + 1) return refuse(c, bad_start_line);
        target_end_ = size_;
        return go(step::version);
    }

    // RFC 9112 2.3: "HTTP/", one digit, ".", one digit, in capitals.
    constexpr errc take_version(char c) noexcept {
        constexpr std::string_view pattern = "HTTP/1.";
        const std::size_t at = size_ - (is_request ? target_end_ + 1 : 0);
        if (at < pattern.size()) {
            if (c == pattern[at]) return errc::success;
            const bool other_version = pattern[at] == '1' && detail::is_digit(c);
            return refuse(c, other_version ? errc::http_version_not_supported : bad_start_line);
        }
        if (at == pattern.size()) {
            if (!detail::is_digit(c)) return refuse(c, bad_start_line);
            minor_version_ = static_cast<std::uint8_t>(c - '0');
            return is_request ? go(step::start_cr) : errc::success;
        }
        return c == ' ' ? go(step::status_code) : refuse(c, bad_start_line);
    }

    // RFC 9112 4: three digits, from size_ 9 on.
    constexpr errc take_status_code(char c) noexcept {
        if (!detail::is_digit(c) || (size_ == 9 && c == '0')) return refuse(c, bad_start_line);
        return size_ == 11 ? go(step::reason_or_cr) : errc::success;
    }

    constexpr errc take_text(char c, step after_cr) noexcept {
        if (c == '\r') return go(after_cr);
        return c == '\n' ? errc::bad_line_ending : errc::bad_character;
    }

    constexpr errc take_field_or_end(char c) noexcept {
        if (c == '\r') return go(step::last_lf);
        if (c == '\n') return errc::bad_line_ending;
        // RFC 9112 5.2: obs-fold is refused; 2.2: so is white space before the first field.
        if (detail::is_ows(c)) {
            return line_ == 2 ? errc::bad_field_line : errc::obsolete_line_folding;
        }
        if (!detail::is_token_char(c)) return refuse(c, errc::bad_field_line);
        if (fields_left_ == 0) return errc::too_many_fields;
        --fields_left_;
        return go(step::name);
    }

    std::span<char> storage_;
    std::size_t size_ = 0;
    std::size_t method_end_ = 0;
    std::size_t target_end_ = 0;
    std::size_t fields_begin_ = 0;
    std::size_t fields_left_;
    std::size_t line_ = 1;
    step step_ = is_request ? step::method : step::version;
    errc error_ = errc::success;
    std::uint8_t minor_version_ = 0;
};

} // namespace framewire

#endif
