// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The server's side of the opening handshake: reads the request, checks it and writes the answer
// (RFC 6455 4.2).

#ifndef FRAMEWIRE_HANDSHAKE_SERVER_HPP
#define FRAMEWIRE_HANDSHAKE_SERVER_HPP

#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/handshake/response.hpp>
#include <framewire/handshake/upgrade_request.hpp>
#include <framewire/http_head.hpp>
#include <framewire/http_head_writer.hpp>

#include <cstddef>
#include <span>

namespace framewire {

/// The opening handshake of one connection, as the server sees it:
/// 1. call `feed` with what arrives until it is no longer `need_data`;
/// 2. complete: look at `request()`, then write what `write_accept` or `write_reject` made;
///    failed: write what `write_reject(out, rejection())` made, and discard what else arrives;
/// 3. after an accept, the rest of the input is frames.
class server_handshake {
public:
    /// The request is kept in `head_storage`, whose size is the limit of its size, and which is
    /// borrowed until the request was answered.
    constexpr explicit server_handshake(std::span<char> head_storage,
                                        std::size_t max_fields = default_max_fields) noexcept
        : reader_(head_storage, max_fields) {}

    /// Takes the request off the front of `in` and leaves what stands behind it. After a failure it
    /// takes nothing more.
    [[nodiscard]] constexpr handshake_status feed(std::span<std::byte>& in) noexcept {
        std::span<const std::byte> rest = in;
        const handshake_status result = feed(rest);
        in = in.last(rest.size());
        return result;
    }
    /// The same for bytes that may not be changed, as those of frames have to be.
    [[nodiscard]] constexpr handshake_status feed(std::span<const std::byte>& in) noexcept {
        if (status() == handshake_status::need_data && reader_.feed(in) == head_status::complete) {
            detail::check_in_place(check_, reader_.method(), reader_.target(),
                                   reader_.minor_version(), reader_.fields());
        }
        return status();
    }

    [[nodiscard]] constexpr handshake_status status() const noexcept {
        return check_.error != errc::success ? handshake_status::failed : reader_.status();
    }
    [[nodiscard]] constexpr errc error() const noexcept {
        return check_.error != errc::success ? check_.error : reader_.error();
    }
    /// The line of the head that is malformed, counted from 1; 0 when none is.
    [[nodiscard]] constexpr std::size_t error_line() const noexcept { return reader_.error_line(); }

    /// The request of a complete handshake. Its views live as long as the storage.
    [[nodiscard]] constexpr const upgrade_request& request() const noexcept {
        return check_.request;
    }

    /// Writes the 101 response of a complete handshake: see the function of that name. Before
    /// that it is `errc::not_open`, after a failure the failure.
    [[nodiscard]] constexpr written
    write_accept(std::span<char> out, const server_response& response = {}) const noexcept {
        if (error() != errc::success) return {0, error()};
        if (status() != handshake_status::complete) return {0, errc::not_open};
        return framewire::write_accept(out, request(), response);
    }

    /// Writes a refusal at any time: see the function of that name.
    [[nodiscard]] constexpr written write_reject(std::span<char> out,
                                                 const http_rejection& rejection) const noexcept {
        return framewire::write_reject(out, rejection);
    }

    /// How to refuse a handshake that failed: the status for the error, and a body that names the
    /// cause and the line. A 403 for one that did not fail.
    [[nodiscard]] FRAMEWIRE_COLD constexpr http_rejection rejection() const noexcept {
        http_rejection result;
        // RFC 9112 9.3.2 (HEAD): the answer has no content.
        result.without_content = reader_.method() == "HEAD";
        if (error() == errc::success) return result;
        result.cause = error();
        result.line = error_line();
        result.status = http_status_for(result.cause);
        if (result.cause == errc::head_too_large && result.line == 1) {
            // RFC 9112 3: not even the first line has room: the target is to blame, or the method.
            result.status = reader_.method().empty() ? 501 : 414;
        }
        return result;
    }

private:
    http_head_reader<head_kind::request> reader_;
    upgrade_check check_;
};

} // namespace framewire

#endif
