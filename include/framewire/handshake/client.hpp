// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The client's side of the opening handshake: writes the request and checks the response
// (RFC 6455 4.1).

#ifndef FRAMEWIRE_HANDSHAKE_CLIENT_HPP
#define FRAMEWIRE_HANDSHAKE_CLIENT_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/final_response.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/known_fields.hpp>
#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/handshake/key.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head.hpp>
#include <framewire/http_head_writer.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace framewire {

/// What a client asks for. All of it is borrowed until the handshake is over.
struct client_request {
    std::string_view host;         ///< As in the Host field: "example.org:8080", "[::1]".
    std::string_view target = "/"; ///< Path and query; "" and "?x" ask for "/" and "/?x".
    std::string_view origin = {};  ///< Sent by browsers; empty: no Origin field.
    std::span<const std::string_view> subprotocols = {}; ///< In order of preference.
    std::string_view extensions = {};                    ///< The list to offer, as it is sent.
    std::span<const http_field> fields = {}; ///< Sent last. Not those of the handshake itself.
};

/// The opening handshake of one connection, as the client sees it:
/// 1. write what `write_request` made;
/// 2. call `feed` with what arrives until it is no longer `need_data`;
/// 3. complete: the rest of the input is frames. failed: close the transport.
class client_handshake {
public:
    /// The nonce has to come from a source that an attacker cannot predict, anew for each
    /// connection (RFC 6455 10.3 on why). `head_storage` bounds the size of the response heads, and
    /// is borrowed for as long as views of the response are used.
    constexpr client_handshake(const client_request& request, std::span<const std::byte, 16> nonce,
                               std::span<char> head_storage,
                               std::size_t max_fields = default_max_fields) noexcept
        : request_(request), key_(make_key(nonce)), response_(head_storage, max_fields) {}

    /// Writes the request. Refuses what the application may not ask for: `invalid_host`,
    /// `invalid_target`, `invalid_subprotocol`, `invalid_extension`, `invalid_field`,
    /// `reserved_field`; `buffer_too_small` says how many bytes it takes.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr written
    write_request(std::span<char> out) const noexcept {
        http_head_writer writer(out);
        if (!detail::parse_authority(request_.host).valid) writer.fail(errc::invalid_host);
        if (!valid_target()) writer.fail(errc::invalid_target);

        // RFC 6455 4.1, items 2-9, in the order that most clients use.
        const bool rooted = request_.target.starts_with('/');
        writer.append(rooted ? "GET " : "GET /", request_.target,
                      " HTTP/1.1\r\nHost: ", request_.host,
                      "\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\n"
                      "Sec-WebSocket-Key: ",
                      key(), "\r\nSec-WebSocket-Version: 13\r\n");
        if (!request_.origin.empty()) writer.field({"Origin", request_.origin});
        write_subprotocols(writer);
        if (!request_.extensions.empty()) {
            const extension_list offers(request_.extensions);
            if (!offers.valid() || offers.empty()) writer.fail(errc::invalid_extension);
            writer.line("Sec-WebSocket-Extensions: ", request_.extensions);
        }
        writer.fields(request_.fields);
        writer.line();
        return writer.result();
    }

    /// Takes the response off the front of `in` and leaves what stands behind it: frames after a
    /// success, the body of the answer after `errc::upgrade_refused`.
    [[nodiscard]] constexpr handshake_status feed(std::span<std::byte>& in) noexcept {
        std::span<const std::byte> rest = in;
        const handshake_status result = feed(rest);
        in = in.last(rest.size());
        return result;
    }
    /// The same for bytes that may not be changed, as those of frames have to be.
    [[nodiscard]] constexpr handshake_status feed(std::span<const std::byte>& in) noexcept {
        if (status() == handshake_status::need_data) {
            const head_status read = response_.feed(in);
            error_ = read == head_status::complete ? check_response() : response_.error();
        }
        return status();
    }

    [[nodiscard]] constexpr handshake_status status() const noexcept {
        if (error_ != errc::success) return handshake_status::failed;
        return response_.status();
    }
    [[nodiscard]] constexpr errc error() const noexcept { return error_; }
    /// The line of the head that is malformed, counted from 1; 0 when none is.
    [[nodiscard]] constexpr std::size_t error_line() const noexcept {
        return response_.error_line();
    }

    /// The value of Sec-WebSocket-Key. A view of this object.
    [[nodiscard]] constexpr std::string_view key() const noexcept {
        return {key_.data(), key_.size()};
    }

    /// True once a response was read that is not informational, whatever it says: the functions
    /// below then tell about it.
    [[nodiscard]] constexpr bool has_response() const noexcept {
        return response_.status() == head_status::complete;
    }
    /// 101, or the status that the server refused with; 0 before there is a response.
    [[nodiscard]] constexpr int status_code() const noexcept { return response_.status_code(); }
    [[nodiscard]] constexpr std::string_view reason() const noexcept { return response_.reason(); }
    [[nodiscard]] constexpr http_fields fields() const noexcept { return response_.fields(); }
    /// The subprotocol that the server chose; empty when it chose none. Checked once the handshake
    /// is complete.
    [[nodiscard]] constexpr std::string_view subprotocol() const noexcept {
        return fields().find("Sec-WebSocket-Protocol").value_or(std::string_view{});
    }
    /// The extensions that the server chose, each of which was offered by name. Whether it chose
    /// parameters that go with the offer is the extension's business.
    [[nodiscard]] constexpr extension_list extensions() const noexcept {
        return extension_list(fields());
    }

private:
    [[nodiscard]] constexpr bool valid_target() const noexcept {
        const std::string_view target = request_.target;
        return (target.empty() || target.front() == '/' || target.front() == '?') &&
               detail::is_path_and_query(target);
    }

    constexpr void write_subprotocols(http_head_writer& writer) const noexcept {
        if (request_.subprotocols.empty()) return;
        writer.append("Sec-WebSocket-Protocol: ");
        for (std::size_t i = 0; i < request_.subprotocols.size(); ++i) {
            const std::string_view name = request_.subprotocols[i];
            // RFC 6455 4.1, item 10: the elements are tokens, and no two are the same.
            if (!detail::is_token(name) || offered(name) != i) {
                writer.fail(errc::invalid_subprotocol);
            }
            writer.append(i == 0 ? "" : ", ", name);
        }
        writer.line();
    }

    // The place of the subprotocol in the offer; the number of offers when it is not there.
    [[nodiscard]] constexpr std::size_t offered(std::string_view name) const noexcept {
        std::size_t at = 0;
        while (at < request_.subprotocols.size() && request_.subprotocols[at] != name)
            ++at;
        return at;
    }

    // RFC 6455 4.1, the six checks of the server's response, in their order.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr errc check_response() const noexcept {
        using detail::known_field;
        // Item 1: any other status is an answer of HTTP. It is not followed or obeyed here.
        if (response_.status_code() != 101) return errc::upgrade_refused;
        // RFC 9110 7.8: HTTP/1.0 has no Upgrade.
        if (response_.minor_version() < 1) return errc::http_version_not_supported;
        const detail::known_fields fields(response_.fields());
        // Item 2: one value, without regard to case.
        if (fields.count(known_field::upgrade) != 1 ||
            !detail::iequals(fields.value(known_field::upgrade), "websocket")) {
            return errc::response_without_upgrade;
        }
        // Item 3: a token of the list, without regard to case.
        if (!fields.list(known_field::connection).contains_token("upgrade")) {
            return errc::response_without_connection_upgrade;
        }
        // Item 4: exactly the Base64 text, in which case matters.
        const std::size_t accepts = fields.count(known_field::accept);
        if (accepts == 0) return errc::missing_accept;
        const auto expected = accept_key(key());
        if (accepts > 1 || fields.value(known_field::accept) !=
                               std::string_view(expected.data(), expected.size())) {
            return errc::wrong_accept;
        }
        // Item 5: only extensions that were asked for.
        const extension_list chosen(fields.list(known_field::extensions));
        if (!chosen.valid()) return errc::bad_extension_list;
        if (!chosen.is_within(extension_list(request_.extensions))) {
            return errc::extension_not_offered;
        }
        // Item 6: at most one subprotocol, and one that was asked for. An empty field names one,
        // too.
        const std::size_t subprotocols = fields.count(known_field::subprotocols);
        if (subprotocols == 0) return errc::success;
        const std::string_view subprotocol = fields.value(known_field::subprotocols);
        if (subprotocols > 1 || subprotocol.find(',') != std::string_view::npos) {
            return errc::repeated_subprotocol;
        }
        return offered(subprotocol) < request_.subprotocols.size() ? errc::success
                                                                   : errc::subprotocol_not_offered;
    }

    client_request request_;
    std::array<char, 24> key_;
    detail::final_response response_;
    errc error_ = errc::success;
};

} // namespace framewire

#endif
