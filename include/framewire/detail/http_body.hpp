// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Finds the body of an answer in what follows its head, as far as it is worth showing to a person.

#ifndef FRAMEWIRE_DETAIL_HTTP_BODY_HPP
#define FRAMEWIRE_DETAIL_HTTP_BODY_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/http_fields.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace framewire::detail {

class http_body {
public:
    // RFC 9112 6.3: where the body ends. A length that is no number counts as none, and then the
    // end of the connection is the end of the body. No more than `limit` bytes come out.
    constexpr http_body(int status, http_fields fields, std::size_t limit) noexcept : left_(limit) {
        chunked_ = fields.list_contains("Transfer-Encoding", "chunked");
        // Item 3: Transfer-Encoding overrides Content-Length.
        if (!fields.find("Transfer-Encoding")) {
            const std::optional<std::string_view> length = fields.find("Content-Length");
            if (length && !length->empty() && all_of(*length, is_digit)) {
                std::uint64_t value = 0;
                for (const char c : *length)
                    value = shifted_in(value, 10, c);
                if (value < left_) left_ = static_cast<std::size_t>(value);
            }
        }
        // Item 1: these have none.
        if (status == 204 || status == 304 || left_ == 0) done_ = true;
    }

    // Takes bytes from the front of `in`: returns the next piece of the body, a view of them. It is
    // empty when `in` is, or when nothing more is wanted.
    [[nodiscard]] constexpr std::span<const std::byte>
    next(std::span<const std::byte>& in) noexcept {
        while (!done_ && !in.empty()) {
            if (!chunked_ || in_chunk_ > 0) return take(in);
            take_framing(static_cast<char>(in.front()));
            in = in.subspan(1);
        }
        return {};
    }

    // True when nothing more is wanted.
    [[nodiscard]] constexpr bool done() const noexcept { return done_; }

private:
    // Saturates.
    [[nodiscard]] static constexpr std::uint64_t shifted_in(std::uint64_t value, unsigned base,
                                                            char digit) noexcept {
        const unsigned c = static_cast<unsigned char>(lower(digit));
        const unsigned add = is_digit(digit) ? c - '0' : c - 'a' + 10;
        return value > (UINT64_MAX - add) / base ? UINT64_MAX : value * base + add;
    }

    constexpr std::span<const std::byte> take(std::span<const std::byte>& in) noexcept {
        std::size_t count = in.size() < left_ ? in.size() : left_;
        if (chunked_) {
            if (in_chunk_ < count) count = static_cast<std::size_t>(in_chunk_);
            in_chunk_ -= count;
        }
        const std::span<const std::byte> piece = in.first(count);
        in = in.subspan(count);
        left_ -= count;
        if (left_ == 0) done_ = true;
        return piece;
    }

    // RFC 9112 7.1: chunk-size in hexadecimal, perhaps an extension, CR LF; an empty line ends the
    // chunk before it.
    constexpr void take_framing(char c) noexcept {
        if (c == '\r') return;
        if (c == '\n') {
            // The last chunk is one of size 0. Trailers are not looked at.
            if (step_ != step::line_begin && size_ == 0) done_ = true;
            in_chunk_ = size_;
            size_ = 0;
            step_ = step::line_begin;
        } else if (step_ == step::extension) {
            return;
        } else if (is_hex_digit(c)) {
            size_ = shifted_in(size_, 16, c);
            step_ = step::size;
        } else if (c == ';' || is_ows(c)) {
            step_ = step::extension;
        } else {
            done_ = true; // no chunk at all
        }
    }

    enum class step : std::uint8_t { line_begin, size, extension };

    std::size_t left_;
    std::uint64_t in_chunk_ = 0;
    std::uint64_t size_ = 0; // as far as its line was read
    step step_ = step::line_begin;
    bool chunked_ = false;
    bool done_ = false;
};

} // namespace framewire::detail

#endif
