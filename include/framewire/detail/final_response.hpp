// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Reads the head of the response that counts, and skips the informational ones in front of it.

#ifndef FRAMEWIRE_DETAIL_FINAL_RESPONSE_HPP
#define FRAMEWIRE_DETAIL_FINAL_RESPONSE_HPP

#include <framewire/error.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framewire::detail {

class final_response {
public:
    // All heads share the storage, whose size is the limit of their sizes together.
    constexpr final_response(std::span<char> storage, std::size_t max_fields) noexcept
        : storage_(storage), max_fields_(max_fields), reader_(storage, max_fields) {}

    // Takes heads off the front of `in`, up to the end of the one that counts.
    [[nodiscard]] constexpr head_status feed(std::span<const std::byte>& in) noexcept {
        while (status() == head_status::need_data && !in.empty()) {
            if (reader_.feed(in) == head_status::need_data) break;
            error_ = reader_.error();
            if (error_ != errc::success) break;
            const int code = reader_.status_code();
            done_ = code >= 200 || code == 101; // RFC 9110 15.2.2: nothing of HTTP follows a 101
            if (!done_) skip();
        }
        return status();
    }

    [[nodiscard]] constexpr head_status status() const noexcept {
        if (error_ != errc::success) return head_status::failed;
        return done_ ? head_status::complete : head_status::need_data;
    }
    [[nodiscard]] constexpr errc error() const noexcept { return error_; }
    [[nodiscard]] constexpr std::size_t error_line() const noexcept { return reader_.error_line(); }

    // What it says; 0 and nothing before it is complete.
    [[nodiscard]] constexpr int status_code() const noexcept {
        return done_ ? reader_.status_code() : 0;
    }
    [[nodiscard]] constexpr std::string_view reason() const noexcept {
        return done_ ? reader_.reason() : std::string_view{};
    }
    [[nodiscard]] constexpr http_fields fields() const noexcept {
        return done_ ? reader_.fields() : http_fields{};
    }
    [[nodiscard]] constexpr int minor_version() const noexcept { return reader_.minor_version(); }

private:
    static constexpr std::uint8_t max_informational = 8;

    // RFC 9110 15.2: a client has to cope with 1xx responses that it did not ask for.
    constexpr void skip() noexcept {
        if (++informational_ > max_informational) {
            error_ = errc::too_many_informational_responses;
            return;
        }
        storage_ = storage_.subspan(reader_.size());
        reader_ = http_head_reader<head_kind::response>(storage_, max_fields_);
    }

    std::span<char> storage_;
    std::size_t max_fields_;
    http_head_reader<head_kind::response> reader_;
    errc error_ = errc::success;
    std::uint8_t informational_ = 0;
    bool done_ = false;
};

} // namespace framewire::detail

#endif
