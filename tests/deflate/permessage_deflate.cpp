// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The negotiation of permessage-deflate as a handshake runs it (RFC 7692 5, 7.1).

#include <framewire/deflate/permessage_deflate.hpp>

#include <framewire/connection.hpp>

#include "support/catch.hpp"
#include "support/deflate.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

using namespace framewire;
using namespace framewire::test;

namespace {

// What a server answers to Sec-WebSocket-Extensions; it has to be active when it answers.
std::string answered(std::string_view offers, const deflate_settings& settings = {}) {
    permessage_deflate extension(settings);
    std::array<char, 256> answer{};
    const written result = negotiate(extension, extension_list(offers), answer);
    REQUIRE(result.error == errc::success);
    CHECK(extension.active() == (result.size != 0));
    return {answer.data(), result.size};
}

// What a client makes of the answer; it has to be active when it took one.
errc taken(std::string_view answer, const deflate_settings& settings = {}) {
    permessage_deflate extension(settings);
    return accept_answer(extension, extension_list(answer));
}

deflate_settings disabled() {
    deflate_settings settings;
    settings.enabled = false;
    return settings;
}

} // namespace

TEST_CASE("permessage_deflate: is a message_extension") {
    STATIC_REQUIRE(message_extension<permessage_deflate>);
    STATIC_REQUIRE(permessage_deflate::name == "permessage-deflate");
    STATIC_REQUIRE(permessage_deflate::rsv == 4); // RFC 7692 6: RSV1
    CHECK(sizeof(permessage_deflate) <= 64);
}

TEST_CASE("permessage_deflate: a server takes the first offer that it can serve",
          "[rfc7692-5.1][rfc7692-7.1]") {
    struct row {
        std::string_view offers;
        std::string_view answer;
    };
    const row rows[] = {
        {"permessage-deflate", "permessage-deflate; server_max_window_bits=12"}, // Firefox
        {"permessage-deflate; client_max_window_bits",                           // Chromium
         "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"},
        // RFC 7692 7.1.3, its examples
        {"permessage-deflate; client_max_window_bits; server_max_window_bits=10",
         "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12"},
        {"permessage-deflate; client_max_window_bits; server_max_window_bits=10, "
         "permessage-deflate; client_max_window_bits",
         "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12"},
        // Autobahn 13.7
        {"permessage-deflate; server_no_context_takeover; client_max_window_bits; "
         "server_max_window_bits=9, permessage-deflate; server_no_context_takeover; "
         "client_max_window_bits, permessage-deflate; client_max_window_bits",
         "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; "
         "client_max_window_bits=12"},
        // The first cannot be served
        {"permessage-deflate; unknown, permessage-deflate; server_max_window_bits=10",
         "permessage-deflate; server_max_window_bits=10"},
        {"permessage-deflate; server_max_window_bits=8, permessage-deflate; "
         "server_max_window_bits=9",
         "permessage-deflate; server_max_window_bits=9"},
        {"permessage-deflate; server_max_window_bits=16, permessage-deflate; "
         "server_max_window_bits, permessage-deflate; server_no_context_takeover",
         "permessage-deflate; server_no_context_takeover; server_max_window_bits=12"},
        // Other extensions, and what looks like this one
        {"x-webkit-deflate-frame, permessage-deflate", // ws#940, uWebSockets#1157
         "permessage-deflate; server_max_window_bits=12"},
        {"x-webkit-deflate-frame; no_context_takeover", ""},
        {"permessage-bzip2, permessage-deflate; client_max_window_bits=9",
         "permessage-deflate; server_max_window_bits=12; client_max_window_bits=9"},
        {"perframe-deflate", ""},
        {"permessage-deflatex", ""},
        {"permessage-deflat", ""},
        {"Permessage-Deflate", ""},
        {"PERMESSAGE-DEFLATE; client_max_window_bits", ""},
        {"permessage-compress; method=deflate", ""}, // an early draft
        // Nothing that can be served
        {"", ""},
        {"permessage-deflate; unknown", ""},
        {"permessage-deflate; server_max_window_bits=8", ""},
        {"permessage-deflate; server_max_window_bits=7, permessage-deflate; "
         "server_max_window_bits=08",
         ""},
    };
    for (const row& r : rows) {
        CAPTURE(r.offers);
        CHECK(answered(r.offers) == r.answer);
    }
}

TEST_CASE("permessage_deflate: is neither offered nor accepted when it is not enabled") {
    CHECK(answered("permessage-deflate", disabled()).empty());
    std::array<char, 64> text{};
    const permessage_deflate client(disabled());
    CHECK(client.write_offer(text).size == 0);
    CHECK(client.write_offer(text).error == errc::success);
    CHECK(taken("permessage-deflate", disabled()) == errc::extension_not_offered);
    permessage_deflate none;
    CHECK_FALSE(none.active());
    CHECK(none.write_offer(text).size == 0);
    CHECK(negotiate(none, extension_list("permessage-deflate"), text).size == 0);
    CHECK(none.accept_answer(extension_element("permessage-deflate")) ==
          errc::extension_not_offered);
    CHECK_FALSE(none.active());
}

TEST_CASE("permessage_deflate: a declined offer is told from one that was not made") {
    permessage_deflate extension{deflate_settings{}};
    std::array<char, 256> answer{};
    CHECK(
        extension
            .accept_offer(extension_element("permessage-deflate; server_max_window_bits=8"), answer)
            .error == errc::extension_declined);
    CHECK_FALSE(extension.active());
}

TEST_CASE("permessage_deflate: an answer that has no room leaves it inactive") {
    permessage_deflate extension{deflate_settings{}};
    std::array<char, 64> answer{};
    const extension_list offer("permessage-deflate; unknown, permessage-deflate");
    const std::size_t size = answered("permessage-deflate").size();
    for (std::size_t room = 0; room < size; ++room) {
        const written result = negotiate(extension, offer, std::span(answer).first(room));
        REQUIRE(result.error == errc::buffer_too_small);
        REQUIRE(result.needed == size);
        REQUIRE_FALSE(extension.active());
    }
    CHECK(negotiate(extension, offer, std::span(answer).first(size)).size == size);
    CHECK(extension.active());
}

TEST_CASE("permessage_deflate: a client takes an answer once, and only to what it offered",
          "[rfc7692-5.1][rfc6455-9.1]") {
    CHECK(taken("") == errc::success); // the server left it out
    CHECK(taken("permessage-deflate") == errc::success);
    CHECK(taken("permessage-deflate; server_no_context_takeover; server_max_window_bits=8") ==
          errc::success);
    CHECK(taken("permessage-deflate; client_max_window_bits") == errc::bad_extension_answer);
    CHECK(taken("permessage-deflate; unknown") == errc::bad_extension_answer);
    CHECK(taken("permessage-deflate; server_max_window_bits=16") == errc::bad_extension_answer);
    CHECK(taken("permessage-deflate", deflate_settings::no_context_takeover()) ==
          errc::bad_extension_answer);
    CHECK(taken("permessage-deflate, permessage-deflate") == errc::bad_extension_list);
    CHECK(taken("permessage-deflate; unknown, permessage-deflate") == errc::bad_extension_answer);
    // Whether the other one was offered is for the handshake to know.
    CHECK(taken("x-webkit-deflate-frame") == errc::success);
    permessage_deflate extension{deflate_settings{}};
    REQUIRE(accept_answer(extension, extension_list("")) == errc::success);
    CHECK_FALSE(extension.active());
    REQUIRE(accept_answer(extension, extension_list("permessage-deflate; unknown")) !=
            errc::success);
    CHECK_FALSE(extension.active());
    REQUIRE(accept_answer(extension, extension_list("permessage-deflate; client_max_window_bits=9"
                                                    "; server_no_context_takeover")) ==
            errc::success);
    CHECK(extension.active());
    CHECK(extension.parameters().client_max_window_bits == 9);
    CHECK(extension.parameters().server_no_context_takeover);
    CHECK_FALSE(extension.parameters().client_no_context_takeover);
    CHECK_FALSE(extension.parameters().has_server_max_window_bits);
}

TEST_CASE("permessage_deflate: two sides come to the same parameters", "[rfc7692-7.1]") {
    for (int flags = 0; flags < 16; ++flags) {
        for (const std::uint8_t bits : std::array<std::uint8_t, 5>{0, 9, 12, 15, 200}) {
            deflate_settings ours;
            deflate_settings theirs;
            ours.server_no_context_takeover = (flags & 1) != 0;
            ours.client_no_context_takeover = (flags & 2) != 0;
            theirs.server_no_context_takeover = (flags & 4) != 0;
            theirs.client_no_context_takeover = (flags & 8) != 0;
            ours.server_max_window_bits = theirs.client_max_window_bits = bits;
            permessage_deflate client(ours);
            permessage_deflate server(theirs);
            std::array<char, 256> offer{};
            std::array<char, 256> answer{};
            const written offered = client.write_offer(offer);
            REQUIRE(offered.error == errc::success);
            const written said = negotiate(
                server, extension_list(std::string_view(offer.data(), offered.size)), answer);
            REQUIRE(said.error == errc::success);
            REQUIRE(accept_answer(client, extension_list(std::string_view(
                                              answer.data(), said.size))) == errc::success);
            CHECK(client.active());
            CHECK(server.active());
            CHECK(client.parameters() == server.parameters());
        }
    }
}

TEST_CASE("permessage_deflate: the longest of its offers and answers has the size that it says") {
    deflate_parameters all;
    all.server_no_context_takeover = all.client_no_context_takeover = true;
    all.has_server_max_window_bits = all.has_client_max_window_bits = true;
    std::array<char, permessage_deflate::max_header_value> text{};
    CHECK(write_deflate_parameters(text, all, false).size == text.size());
}
