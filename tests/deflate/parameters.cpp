// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/deflate/parameters.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

using namespace framewire;

namespace {

constexpr std::string_view declined = "declined";
constexpr std::string_view malformed = "malformed";

// Text that a constant expression can hold.
struct fixed_text {
    std::array<char, 256> data{};
    std::size_t size = 0;

    constexpr fixed_text() noexcept = default;
    constexpr explicit fixed_text(std::string_view text) noexcept : size(text.size()) {
        std::copy(text.begin(), text.end(), data.begin());
    }
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {data.data(), size}; }
};

constexpr fixed_text answer_of(std::string_view offer, const deflate_settings& settings = {}) {
    deflate_parameters asked;
    deflate_parameters granted;
    if (!parse_deflate_parameters(extension_element(offer), false, asked)) {
        return fixed_text(malformed);
    }
    if (!answer_deflate_offer(settings, asked, granted)) return fixed_text(declined);
    fixed_text text;
    text.size = write_deflate_parameters(text.data, granted, false).size;
    return text;
}

constexpr fixed_text offer_of(const deflate_settings& settings) {
    fixed_text text;
    text.size = write_deflate_parameters(text.data, deflate_offer(settings), true).size;
    return text;
}

constexpr bool fits(const deflate_settings& settings, std::string_view answer) {
    deflate_parameters granted;
    return parse_deflate_parameters(extension_element(answer), true, granted) &&
           is_deflate_answer_to(deflate_offer(settings), granted);
}

constexpr deflate_settings windows(int server, int client) {
    deflate_settings settings;
    settings.server_max_window_bits = static_cast<std::uint8_t>(server);
    settings.client_max_window_bits = static_cast<std::uint8_t>(client);
    return settings;
}

// Every value that a window can be given, and what RFC 7692 7.1.2.1 makes of it: 0 is no window.
struct value_row {
    std::string_view value; // behind the name of the parameter
    int bits;
};
constexpr value_row values[] = {
    // RFC 7692 7.1.2.1: a decimal integer without leading zeroes between 8 and 15
    {"=8", 8},
    {"=9", 9},
    {"=10", 10},
    {"=11", 11},
    {"=12", 12},
    {"=13", 13},
    {"=14", 14},
    {"=15", 15},
    // RFC 6455 9.1: a value may be quoted, if it is a token without its quotes
    {"=\"8\"", 8},
    {"=\"15\"", 15},
    {" = 10", 10},
    {"=\"16\"", 0},
    {"=\"08\"", 0},
    {"=\"\"", 0},
    {"=\"\\15\"", 0},
    {"=\" 9\"", 0},
    {"=\"9", 0},
    // CVE-2026-2229, netty#8702, autobahn-python#1018: out of range
    {"=0", 0},
    {"=1", 0},
    {"=7", 0},
    {"=16", 0},
    {"=17", 0},
    {"=18", 0},
    {"=19", 0},
    {"=20", 0},
    {"=80", 0},
    {"=99", 0},
    {"=100", 0},
    {"=264", 0},                  // 8 in eight bits
    {"=4294967304", 0},           // 8 in 32 bits
    {"=18446744073709551624", 0}, // 8 in 64 bits
    {"=00", 0},
    {"=08", 0},
    {"=09", 0},
    {"=015", 0},
    {"=0x9", 0},
    {"=+9", 0},
    {"=-9", 0},
    {"=9.0", 0},
    {"=1e1", 0},
    {"=9a", 0},
    {"=a", 0},
    {"=:", 0},
    {"=1:", 0},
    {"=1/", 0},
    {"=true", 0},
    {"=", 0},
    {"=9=9", 0},
    {"=9 9", 0},
};

constexpr bool parses(std::string_view parameter, std::string_view value, bool is_answer,
                      deflate_parameters& result) {
    fixed_text text("permessage-deflate; ");
    for (const std::string_view piece : {parameter, value}) {
        std::copy(piece.begin(), piece.end(),
                  text.data.begin() + static_cast<std::ptrdiff_t>(text.size));
        text.size += piece.size();
    }
    return parse_deflate_parameters(extension_element(text.view()), is_answer, result);
}

constexpr bool reads_server_window(const value_row& r, bool is_answer) {
    deflate_parameters got;
    if (!parses("server_max_window_bits", r.value, is_answer, got)) return r.bits == 0;
    return got.has_server_max_window_bits && got.server_max_window_bits == r.bits &&
           !got.has_client_max_window_bits && got.client_max_window_bits == 15;
}
constexpr bool reads_client_window(const value_row& r, bool is_answer) {
    deflate_parameters got;
    if (!parses("client_max_window_bits", r.value, is_answer, got)) return r.bits == 0;
    return got.has_client_max_window_bits && got.client_max_window_bits == r.bits &&
           !got.has_server_max_window_bits && got.server_max_window_bits == 15;
}

} // namespace

TEST_CASE("deflate_parameters: a window is a decimal integer from 8 to 15 without leading zeroes",
          "[rfc7692-7.1.2.1][rfc7692-7.1.2.2]") {
    for (const value_row& r : values) {
        CAPTURE(r.value, r.bits);
        for (const bool is_answer : {false, true}) {
            CHECK(reads_server_window(r, is_answer));
            CHECK(reads_client_window(r, is_answer));
        }
    }
    STATIC_REQUIRE(std::all_of(std::begin(values), std::end(values), [](const value_row& r) {
        return reads_server_window(r, false) && reads_server_window(r, true) &&
               reads_client_window(r, false) && reads_client_window(r, true);
    }));
}

TEST_CASE("deflate_parameters: only an offered client window may come without a value",
          "[rfc7692-7.1.2.2]") {
    deflate_parameters got;
    CHECK(parses("client_max_window_bits", "", false, got));
    CHECK(got.has_client_max_window_bits);
    CHECK(got.client_max_window_bits == 15);
    CHECK_FALSE(parses("client_max_window_bits", "", true, got)); // Bauglir-WebSocket-2#2
    CHECK_FALSE(parses("server_max_window_bits", "", false, got));
    CHECK_FALSE(parses("server_max_window_bits", "", true, got));
}

TEST_CASE("deflate_parameters: refuses what RFC 7692 does not define, in offers and in answers",
          "[rfc7692-7.1]") {
    const std::string_view bad[] = {
        // RFC 7692 7.1.1.1, 7.1.1.2: no value
        "server_no_context_takeover=1",
        "server_no_context_takeover=true",
        "server_no_context_takeover=\"\"",
        "server_no_context_takeover=",
        "client_no_context_takeover=1",
        "client_no_context_takeover=\"15\"",
        "client_no_context_takeover=",
        // RFC 7692 7.1: a parameter is there once
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "server_max_window_bits=15; server_max_window_bits=9",
        "client_max_window_bits=9; client_max_window_bits=9",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=9",
        "client_max_window_bits=9; client_max_window_bits",
        "server_no_context_takeover; client_no_context_takeover; server_no_context_takeover",
        // Names that it does not define; they are compared as they are
        "unknown",
        "unknown=1",
        "client_max_window_bits=9; unknown",
        "unknown; client_max_window_bits=9",
        "server_context_takeover",
        "no_context_takeover",
        "max_window_bits=9",
        "s2c_max_window_bits=9", // draft-ietf-hybi-permessage-compression-05
        "c2s_max_window_bits",
        "Server_no_context_takeover",
        "SERVER_NO_CONTEXT_TAKEOVER",
        "Client_Max_Window_Bits=9",
        "server_max_window_bit=9",
        "server_max_window_bitss=9",
        "server-max-window-bits=9",
        "constructor", // GHSA-5v72-xg48-5rpm
        "__proto__=9",
        // No list of parameters
        "; server_no_context_takeover",
        "server_no_context_takeover;",
        "server_no_context_takeover client_no_context_takeover",
        "=9",
        "(",
    };
    for (const std::string_view parameters : bad) {
        CAPTURE(parameters);
        deflate_parameters got;
        CHECK_FALSE(parses(parameters, "", false, got));
        CHECK_FALSE(parses(parameters, "", true, got));
    }
}

namespace {

struct answer_row {
    std::string_view offer;
    std::string_view answer; // of a server with windows of 15
    std::string_view usual;  // of a server that leaves the windows to the library
};
constexpr answer_row answers[] = {
    // Firefox (python-websockets#1109: was declined)
    {"permessage-deflate", "permessage-deflate", "permessage-deflate; server_max_window_bits=12"},
    // Chromium
    {"permessage-deflate; client_max_window_bits", "permessage-deflate",
     "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"},
    // RFC 7692 7.1.1.1
    {"permessage-deflate; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; server_max_window_bits=12"},
    // RFC 7692 7.1.1.2
    {"permessage-deflate; client_no_context_takeover",
     "permessage-deflate; client_no_context_takeover",
     "permessage-deflate; client_no_context_takeover; server_max_window_bits=12"},
    // RFC 7692 7.1.2.1
    {"permessage-deflate; server_max_window_bits=10",
     "permessage-deflate; server_max_window_bits=10",
     "permessage-deflate; server_max_window_bits=10"},
    {"permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9",
     "permessage-deflate; server_max_window_bits=9"},
    {"permessage-deflate; server_max_window_bits=15",
     "permessage-deflate; server_max_window_bits=15",
     "permessage-deflate; server_max_window_bits=12"},
    {"permessage-deflate; server_max_window_bits=\"14\"",
     "permessage-deflate; server_max_window_bits=14",
     "permessage-deflate; server_max_window_bits=12"},
    // RFC 7692 7.1.2.2
    {"permessage-deflate; client_max_window_bits=15", "permessage-deflate",
     "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"},
    {"permessage-deflate; client_max_window_bits=10",
     "permessage-deflate; client_max_window_bits=10",
     "permessage-deflate; server_max_window_bits=12; client_max_window_bits=10"},
    // Decompressing with a window of 256 octets is no problem.
    {"permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8",
     "permessage-deflate; server_max_window_bits=12; client_max_window_bits=8"},
    // zlib#171, websockets#1757: compressing with one is.
    {"permessage-deflate; server_max_window_bits=8", declined, declined},
    {"permessage-deflate; server_max_window_bits=8; client_max_window_bits", declined, declined},
    // All together, in two orders
    {"permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
     "server_max_window_bits=11; client_max_window_bits=9",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
     "server_max_window_bits=11; client_max_window_bits=9",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
     "server_max_window_bits=11; client_max_window_bits=9"},
    {"permessage-deflate;client_max_window_bits;server_max_window_bits=13;"
     "client_no_context_takeover;server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
     "server_max_window_bits=13",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
     "server_max_window_bits=12; client_max_window_bits=12"},
    {"permessage-deflate; unknown", malformed, malformed},
};

constexpr bool is_answered(const answer_row& r) {
    return answer_of(r.offer, windows(15, 15)).view() == r.answer &&
           answer_of(r.offer).view() == r.usual;
}

} // namespace

TEST_CASE("deflate_parameters: a server answers with what was asked for, or less",
          "[rfc7692-7.1.1][rfc7692-7.1.2]") {
    for (const answer_row& r : answers) {
        CAPTURE(r.offer);
        CHECK(answer_of(r.offer, windows(15, 15)).view() == r.answer);
        CHECK(answer_of(r.offer).view() == r.usual);
    }
    STATIC_REQUIRE(std::all_of(std::begin(answers), std::end(answers), is_answered));
}

TEST_CASE("deflate_parameters: a server's own settings go into its answer where they may",
          "[rfc7692-7.1.1.1][rfc7692-7.1.1.2][rfc7692-7.1.2.1][rfc7692-7.1.2.2]") {
    deflate_settings ours = windows(15, 15);
    ours.server_no_context_takeover = true;
    CHECK(answer_of("permessage-deflate", ours).view() ==
          "permessage-deflate; server_no_context_takeover");
    ours = windows(15, 15);
    ours.client_no_context_takeover = true;
    CHECK(answer_of("permessage-deflate", ours).view() ==
          "permessage-deflate; client_no_context_takeover");

    struct row {
        int server;
        int client;
        std::string_view offer;
        std::string_view answer;
    };
    const row rows[] = {
        // The smaller of the two wishes
        {10, 0, "", "; server_max_window_bits=10"},
        {10, 0, "; server_max_window_bits=9", "; server_max_window_bits=9"},
        {10, 0, "; server_max_window_bits=11", "; server_max_window_bits=10"},
        {15, 9, "; client_max_window_bits", "; client_max_window_bits=9"},
        {15, 9, "; client_max_window_bits=8", "; client_max_window_bits=8"},
        {15, 9, "; client_max_window_bits=14", "; client_max_window_bits=9"},
        // coder/websocket#443, websocket-sharp#187: nothing of the client's window unless offered
        {15, 9, "", ""},
        {15, 9, "; server_max_window_bits=15", "; server_max_window_bits=15"},
        // Out of range
        {1, 15, "", "; server_max_window_bits=9"},
        {8, 15, "", "; server_max_window_bits=9"},
        {16, 15, "", ""},
        {255, 255, "; client_max_window_bits", ""},
        {15, 1, "; client_max_window_bits", "; client_max_window_bits=9"},
    };
    for (const row& r : rows) {
        CAPTURE(r.server, r.client, r.offer);
        CHECK(answer_of("permessage-deflate" + std::string(r.offer), windows(r.server, r.client))
                  .view() == "permessage-deflate" + std::string(r.answer));
    }
}

TEST_CASE("deflate_parameters: a server's answer to any offer fits that offer", "[rfc7692-7.1]") {
    // Each side's settings in every combination of the flags and of some windows.
    int agreed = 0;
    for (int flags = 0; flags < 16; ++flags) {
        for (const int ours : {0, 9, 12, 15}) {
            for (const int theirs : {0, 9, 11, 15}) {
                deflate_settings client = windows(theirs, ours);
                deflate_settings server = windows(ours, theirs);
                client.server_no_context_takeover = (flags & 1) != 0;
                client.client_no_context_takeover = (flags & 2) != 0;
                server.server_no_context_takeover = (flags & 4) != 0;
                server.client_no_context_takeover = (flags & 8) != 0;
                const fixed_text answer = answer_of(offer_of(client).view(), server);
                CAPTURE(offer_of(client).view(), answer.view());
                REQUIRE(fits(client, answer.view()));
                ++agreed;
            }
        }
    }
    CHECK(agreed == 256);
}

TEST_CASE("deflate_parameters: a client offers what it wants", "[rfc7692-7.1]") {
    CHECK(offer_of({}).view() == "permessage-deflate; client_max_window_bits"); // as Chromium
    CHECK(offer_of(deflate_settings::no_context_takeover()).view() ==
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
          "client_max_window_bits");
    CHECK(offer_of(windows(10, 11)).view() ==
          "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11");
    CHECK(offer_of(windows(15, 15)).view() == "permessage-deflate; client_max_window_bits");
    // Out of range
    CHECK(offer_of(windows(8, 1)).view() ==
          "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9");
    CHECK(offer_of(windows(16, 255)).view() == "permessage-deflate; client_max_window_bits");
    // Each can be served by a server, and reads back as what it says.
    STATIC_REQUIRE(answer_of(offer_of(windows(10, 11)).view(), windows(15, 15)).view() ==
                   offer_of(windows(10, 11)).view());
}

namespace {

struct verdict_row {
    deflate_settings client;
    std::string_view answer; // behind the name
    bool good;
};

constexpr deflate_settings wants(bool server_flag, bool client_flag, int server = 0,
                                 int client = 0) {
    deflate_settings settings = windows(server, client);
    settings.server_no_context_takeover = server_flag;
    settings.client_no_context_takeover = client_flag;
    return settings;
}

constexpr verdict_row verdicts[] = {
    {wants(false, false), "", true},
    // RFC 7692 7.1.1.1: a server may say it unasked; what was asked for it has to grant.
    {wants(false, false), "; server_no_context_takeover", true},
    {wants(true, false), "; server_no_context_takeover", true},
    {wants(true, false), "", false},
    {wants(true, false), "; client_no_context_takeover", false},
    // RFC 7692 7.1.1.2: a client that offered it only gave a hint; unasked it has to obey.
    {wants(false, true), "", true},
    {wants(false, true), "; client_no_context_takeover", true},
    {wants(false, false), "; client_no_context_takeover", true},
    // RFC 7692 7.1.2.1: the same or a smaller window than asked for, also unasked
    {wants(false, false), "; server_max_window_bits=8", true},
    {wants(false, false), "; server_max_window_bits=15", true},
    {wants(false, false, 10), "; server_max_window_bits=10", true},
    {wants(false, false, 10), "; server_max_window_bits=8", true},
    {wants(false, false, 10), "; server_max_window_bits=11", false},
    {wants(false, false, 10), "; server_max_window_bits=15", false},
    {wants(false, false, 10), "", false},
    {wants(false, false), "; server_max_window_bits", false},
    {wants(false, false), "; server_max_window_bits=16", false},
    // RFC 7692 7.1.2.2: offered by every client of ours, so it may be answered, by a value
    {wants(false, false), "; client_max_window_bits=15", true},
    {wants(false, false), "; client_max_window_bits=8", true},
    {wants(false, false), "; client_max_window_bits", false},
    {wants(false, false), "; client_max_window_bits=7", false},
    {wants(false, false, 0, 10), "; client_max_window_bits=10", true},
    {wants(false, false, 0, 10), "; client_max_window_bits=9", true},
    {wants(false, false, 0, 10), "; client_max_window_bits=11", false},
    {wants(false, false, 0, 10), "; client_max_window_bits=15", false},
    {wants(false, false, 0, 10), "", true},
    // All together
    {wants(true, true, 11, 10),
     "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; "
     "client_max_window_bits=10",
     true},
    {wants(true, true, 11, 10), "; server_max_window_bits=9; server_no_context_takeover", true},
    {wants(true, true, 11, 10), "; server_max_window_bits=12; server_no_context_takeover", false},
    {wants(false, false), "; unknown", false},
    {wants(false, false), "; server_no_context_takeover; server_no_context_takeover", false},
};

constexpr bool is_judged(const verdict_row& r) {
    fixed_text text("permessage-deflate");
    std::copy(r.answer.begin(), r.answer.end(),
              text.data.begin() + static_cast<std::ptrdiff_t>(text.size));
    text.size += r.answer.size();
    return fits(r.client, text.view()) == r.good;
}

} // namespace

TEST_CASE("deflate_parameters: a client takes only an answer that fits its offer",
          "[rfc7692-7.1.1][rfc7692-7.1.2]") {
    for (const verdict_row& r : verdicts) {
        CAPTURE(offer_of(r.client).view(), r.answer, r.good);
        CHECK(is_judged(r));
    }
    STATIC_REQUIRE(std::all_of(std::begin(verdicts), std::end(verdicts), is_judged));
}

TEST_CASE("deflate_parameters: an answer may not name a client's window that was not offered",
          "[rfc7692-7.1.2.2]") {
    deflate_parameters offer; // as Firefox has it
    deflate_parameters answer;
    answer.has_client_max_window_bits = true;
    CHECK_FALSE(is_deflate_answer_to(offer, answer));
    answer.client_max_window_bits = 9;
    CHECK_FALSE(is_deflate_answer_to(offer, answer));
    offer.has_client_max_window_bits = true;
    CHECK(is_deflate_answer_to(offer, answer));
}

TEST_CASE("deflate_parameters: text that has no room is an error that says how much it needs") {
    deflate_parameters all;
    all.server_no_context_takeover = all.client_no_context_takeover = true;
    all.has_server_max_window_bits = all.has_client_max_window_bits = true;
    constexpr std::string_view text =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        "server_max_window_bits=15; client_max_window_bits=15";
    std::array<char, 160> out{};
    for (std::size_t size = 0; size < text.size(); ++size) {
        const written result = write_deflate_parameters(std::span(out).first(size), all, false);
        REQUIRE(result.error == errc::buffer_too_small);
        REQUIRE(result.needed == text.size());
    }
    const written result = write_deflate_parameters(std::span(out).first(text.size()), all, false);
    CHECK(result.error == errc::success);
    CHECK(std::string_view(out.data(), result.size) == text);
}
