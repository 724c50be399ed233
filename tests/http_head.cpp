// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/http_head.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;
using namespace std::string_view_literals;
using request_reader = http_head_reader<head_kind::request>;
using response_reader = http_head_reader<head_kind::response>;

static_assert(sizeof(request_reader) <= 80);

constexpr bool reads_a_request() {
    const auto data = test::byte_array("GET /a?b HTTP/1.1\r\nHost: x\r\nE:\r\n\r\nrest");
    std::array<char, 64> storage{};
    request_reader reader(storage);
    std::span<const std::byte> in(data);
    return reader.feed(in) == head_status::complete && in.size() == 4 && reader.method() == "GET" &&
           reader.target() == "/a?b" && reader.minor_version() == 1 &&
           reader.fields().find("host") == "x" && reader.fields().find("e") == "" &&
           reader.size() == data.size() - 4 && reader.error() == errc::success &&
           reader.error_line() == 0;
}
static_assert(reads_a_request());

constexpr bool reads_a_response() {
    const auto data = test::byte_array("HTTP/1.0 404 Not here\r\nA: b\r\n\r\n");
    std::array<char, 64> storage{};
    response_reader reader(storage);
    std::span<const std::byte> in(data);
    return reader.feed(in) == head_status::complete && in.empty() && reader.status_code() == 404 &&
           reader.reason() == "Not here" && reader.minor_version() == 0 &&
           reader.fields().find("A") == "b";
}
static_assert(reads_a_response());

// Compilers bound the steps of a constant expression. They are enough to read 3 KiB byte by byte
// with linear work, and by far not enough to look at all that came before once a byte.
constexpr bool reads_single_bytes_in_linear_work() {
    std::array<char, 3072> storage{};
    request_reader reader(storage);
    const auto feed = [&](std::string_view text) {
        for (const char c : text) {
            const std::array<std::byte, 1> one{static_cast<std::byte>(c)};
            std::span<const std::byte> in(one);
            if (reader.feed(in) == head_status::failed) return false;
        }
        return true;
    };
    if (!feed("GET / HTTP/1.1\r\nA: ")) return false;
    for (std::size_t i = 0; i < 3000; i += 10) {
        if (!feed("aaaaaaaaaa")) return false;
    }
    return feed("\r\n\r\n") && reader.status() == head_status::complete;
}
static_assert(reads_single_bytes_in_linear_work());

// What a reader makes of an input, as one text. The storage is a heap block of exactly the limit.
template <head_kind Kind>
std::string outcome(const test::chunk_list& chunks, std::size_t limit, std::size_t max_fields) {
    const auto storage = std::make_unique<char[]>(limit);
    http_head_reader<Kind> reader(std::span(storage.get(), limit), max_fields);
    std::string rest;
    for (std::span<const std::byte> in : chunks) {
        const std::size_t before = reader.size();
        const std::size_t given = in.size();
        const head_status status = reader.feed(in);
        if (reader.size() - before != given - in.size()) return "counts wrongly";
        if (status == head_status::need_data && !in.empty()) return "leaves bytes that it needs";
        rest += test::text_of(in);
    }
    if (reader.status() == head_status::need_data) return "need_data";
    if (reader.status() == head_status::failed) {
        return std::string(message(reader.error())) + " @" + std::to_string(reader.error_line()) +
               " left " + std::to_string(rest.size());
    }
    std::string out;
    if constexpr (Kind == head_kind::request) {
        out += std::string(reader.method()) + "|" + std::string(reader.target()) + "|";
    } else {
        out += std::to_string(reader.status_code()) + "|" + std::string(reader.reason()) + "|";
    }
    out += std::to_string(reader.minor_version());
    for (const http_field field : reader.fields()) {
        out += "|" + std::string(field.name) + "=" + std::string(field.value);
    }
    return out + "|left " + std::to_string(rest.size());
}

template <head_kind Kind> std::string outcome(std::string_view input, std::size_t limit = 1024,
                                              std::size_t max_fields = default_max_fields) {
    std::string first;
    test::for_each_chunking(test::bytes(input), [&](const test::chunk_list& chunks) {
        const std::string one = outcome<Kind>(chunks, limit, max_fields);
        if (first.empty()) first = one;
        if (one != first) first = "differs by chunking: " + first + " / " + one;
    });
    return first;
}

std::string failure(errc error, std::size_t line, std::size_t left) {
    return std::string(message(error)) + " @" + std::to_string(line) + " left " +
           std::to_string(left);
}

struct good_row {
    std::string_view input;
    std::string_view expected;
};

// `refused` begins with the byte that cannot be there.
struct bad_row {
    std::string_view accepted;
    std::string_view refused;
    errc error;
    std::size_t line;
};

} // namespace

TEST_CASE("http_head: reads requests at every split point", "[rfc9112-3]") {
    for (const good_row& row : {
             good_row{"GET / HTTP/1.1\r\n\r\n", "GET|/|1|left 0"},
             good_row{"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x05", "GET|/|1|Host=a|left 2"},
             good_row{"OPTIONS * HTTP/1.0\r\na:b\r\n\r\nGET /", "OPTIONS|*|0|a=b|left 5"},
             good_row{"!#$%&'*+-.^_`|~0aZ http://[::1]:8/?\"<>\\^`{|} HTTP/1.9\r\n\r\n",
                      "!#$%&'*+-.^_`|~0aZ|http://[::1]:8/?\"<>\\^`{|}|9|left 0"},
             good_row{"G / HTTP/1.1\r\nA:\r\nB: \t \r\nC:\t x \t y\t\r\n\r\n",
                      "G|/|1|A=|B=|C=x \t y|left 0"},
             good_row{"G / HTTP/1.1\r\nA: \x80\xff:\r\n\r\n", "G|/|1|A=\x80\xff:|left 0"},
         }) {
        CAPTURE(row.input);
        CHECK(outcome<head_kind::request>(row.input) == row.expected);
    }
}

TEST_CASE("http_head: reads responses at every split point", "[rfc9112-4]") {
    for (const good_row& row : {
             good_row{"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n\x81",
                      "101|Switching Protocols|1|A=b|left 1"},
             good_row{"HTTP/1.1 200 \r\n\r\n", "200||1|left 0"},
             good_row{"HTTP/1.1 200\r\n\r\n", "200||1|left 0"}, // no space: seen in the wild
             good_row{"HTTP/1.0 999 \xc3\xa4\t!\r\n\r\n", "999|\xc3\xa4\t!|0|left 0"},
         }) {
        CAPTURE(row.input);
        CHECK(outcome<head_kind::response>(row.input) == row.expected);
    }
}

TEST_CASE("http_head: refuses a request at the first impossible byte", "[rfc9112-2.2][rfc9112-5]") {
    for (const bad_row& row : {
             // The request line (RFC 9112 3)
             bad_row{"", "\x16\x03\x01\x02"sv, errc::bad_character, 1}, // TLS ClientHello
             bad_row{"", "\0"sv, errc::bad_character, 1},
             bad_row{"", "\xef\xbb\xbfGET"sv, errc::bad_character, 1},
             bad_row{"", " GET / HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"", "\r\nGET / HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"", "\nGET / HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"G", "(T / HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"GET", "\t/ HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"GET", "\r\n"sv, errc::bad_request_line, 1},
             bad_row{"GET ", " / HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"GET /", "\r\n"sv, errc::bad_request_line, 1}, // HTTP/0.9
             bad_row{"GET /", "\n"sv, errc::bad_request_line, 1},
             bad_row{"GET /", "#top HTTP/1.1"sv, errc::bad_request_target, 1},
             bad_row{"GET /", "\0 HTTP/1.1"sv, errc::bad_character, 1},
             bad_row{"GET /", "\xc3\xa4 HTTP/1.1"sv, errc::bad_character, 1},
             bad_row{"GET /", "\x7f HTTP/1.1"sv, errc::bad_character, 1},
             bad_row{"GET /a ", "b HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"GET / ", " HTTP/1.1"sv, errc::bad_request_line, 1},
             bad_row{"GET / ", "http/1.1\r\n"sv, errc::bad_request_line, 1},
             bad_row{"PRI * HTTP/", "2.0\r\n"sv, errc::http_version_not_supported,
                     1}, // RFC 9113 3.4
             bad_row{"GET / HTTP/", "0.9\r\n"sv, errc::http_version_not_supported, 1},
             bad_row{"GET / HTTP/", "x"sv, errc::bad_request_line, 1},
             bad_row{"GET / HTTP/1", "1"sv, errc::bad_request_line, 1},
             bad_row{"GET / HTTP/1.", "x"sv, errc::bad_request_line, 1},
             bad_row{"GET / HTTP/1.1", "0\r\n"sv, errc::bad_request_line, 1},
             bad_row{"GET / HTTP/1.1", " \r\n"sv, errc::bad_request_line, 1},
             bad_row{"GET / HTTP/1.1", "\nHost: a\n\n"sv, errc::bad_line_ending, 1},
             bad_row{"GET / HTTP/1.1\r", "Host: a"sv, errc::bad_line_ending, 1},
             bad_row{"GET / HTTP/1.1\r", "\r\n"sv, errc::bad_line_ending, 1},
             // Field lines (RFC 9112 5)
             bad_row{"GET / HTTP/1.1\r\n", " Host: a"sv, errc::bad_field_line, 2}, // RFC 9112 2.2
             bad_row{"GET / HTTP/1.1\r\n", ": a"sv, errc::bad_field_line, 2},
             bad_row{"GET / HTTP/1.1\r\n", "\nA: b"sv, errc::bad_line_ending, 2},
             bad_row{"GET / HTTP/1.1\r\n", "\0"sv, errc::bad_character, 2},
             bad_row{"GET / HTTP/1.1\r\n", "\xc3\xa4: b"sv, errc::bad_character, 2},
             bad_row{"GET / HTTP/1.1\r\nHost", " : a"sv, errc::bad_field_line, 2}, // RFC 9112 5.1
             bad_row{"GET / HTTP/1.1\r\nHost", "\t: a"sv, errc::bad_field_line, 2},
             bad_row{"GET / HTTP/1.1\r\nHost", "\r\n"sv, errc::bad_field_line, 2},
             bad_row{"GET / HTTP/1.1\r\nHost", "\n"sv, errc::bad_field_line, 2},
             bad_row{"GET / HTTP/1.1\r\nHo", "(st: a"sv, errc::bad_field_line, 2},
             bad_row{"GET / HTTP/1.1\r\nHo", "\0st: a"sv, errc::bad_character, 2},
             bad_row{"GET / HTTP/1.1\r\nHo", "\x80"sv, errc::bad_character, 2},
             bad_row{"GET / HTTP/1.1\r\nA: b\r\nC: d", "\n\r\n"sv, errc::bad_line_ending, 3},
             bad_row{"GET / HTTP/1.1\r\nA: b\r", "c"sv, errc::bad_line_ending, 2},
             bad_row{"GET / HTTP/1.1\r\nA: b\r", "\r\n"sv, errc::bad_line_ending, 2},
             bad_row{"GET / HTTP/1.1\r\nA: b", "\0"sv, errc::bad_character, 2},
             bad_row{"GET / HTTP/1.1\r\nA: b", "\x7f"sv, errc::bad_character, 2},
             bad_row{"GET / HTTP/1.1\r\nA: b", "\x0b"sv, errc::bad_character, 2},
             bad_row{"GET / HTTP/1.1\r\nA: b\r\n", " c\r\n"sv, errc::obsolete_line_folding, 3},
             bad_row{"GET / HTTP/1.1\r\nA: b\r\n", "\tc\r\n"sv, errc::obsolete_line_folding, 3},
             bad_row{"GET / HTTP/1.1\r\nA: b\r\n\r", "x"sv, errc::bad_line_ending, 3},
             bad_row{"GET / HTTP/1.1\r\nA: b\r\n\r", "\r\n"sv, errc::bad_line_ending, 3},
         }) {
        const std::string input = std::string(row.accepted) + std::string(row.refused);
        CAPTURE(input, test::to_hex(test::bytes(input)));
        CHECK(outcome<head_kind::request>(row.accepted) == "need_data");
        CHECK(outcome<head_kind::request>(input) ==
              failure(row.error, row.line, row.refused.size()));
    }
}

TEST_CASE("http_head: refuses a response at the first impossible byte", "[rfc9112-4]") {
    for (const bad_row& row : {
             bad_row{"", "\x15\x03\x03"sv, errc::bad_character, 1}, // TLS alert
             bad_row{"", "\x81\x05"sv, errc::bad_character, 1},
             bad_row{"", "ICY 200 OK"sv, errc::bad_status_line, 1},
             bad_row{"HT", "tp/1.1 101"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/", "2 200"sv, errc::http_version_not_supported, 1},
             bad_row{"HTTP/1.1", "\t101 x"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/1.1", "1 101 x"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/1.1 ", " 101 x"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/1.1 ", "099 x"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/1.1 ", "-10 x"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/1.1 10", " x"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/1.1 101", "1 x"sv, errc::bad_status_line, 1},
             bad_row{"HTTP/1.1 101", "\n"sv, errc::bad_line_ending, 1},
             bad_row{"HTTP/1.1 101 a", "\n"sv, errc::bad_line_ending, 1},
             bad_row{"HTTP/1.1 101 a", "\0"sv, errc::bad_character, 1},
             bad_row{"HTTP/1.1 101 a\r", "A: b"sv, errc::bad_line_ending, 1},
             bad_row{"HTTP/1.1 101 a\r\nA", " : b"sv, errc::bad_field_line, 2},
         }) {
        const std::string input = std::string(row.accepted) + std::string(row.refused);
        CAPTURE(input, test::to_hex(test::bytes(input)));
        CHECK(outcome<head_kind::response>(row.accepted) == "need_data");
        CHECK(outcome<head_kind::response>(input) ==
              failure(row.error, row.line, row.refused.size()));
    }
}

TEST_CASE("http_head: takes a head that fills the storage, and not a byte more") {
    const std::string head = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
    CHECK(outcome<head_kind::request>(head + "x", head.size()) == "GET|/|1|A=b|left 1");
    CHECK(outcome<head_kind::request>(head, head.size() - 1) ==
          failure(errc::head_too_large, 3, 1));
    CHECK(outcome<head_kind::request>(head, 10) ==
          failure(errc::head_too_large, 1, head.size() - 10));
    CHECK(outcome<head_kind::request>(head, 0) == failure(errc::head_too_large, 1, head.size()));
}

TEST_CASE("http_head: counts the fields") {
    const std::string head = "GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
    CHECK(outcome<head_kind::request>(head, 1024, 2) == "GET|/|1|A=b|C=d|left 0");
    CHECK(outcome<head_kind::request>(head, 1024, 1) == failure(errc::too_many_fields, 3, 8));
    CHECK(outcome<head_kind::request>(head, 1024, 0) == failure(errc::too_many_fields, 2, 14));

    std::string many = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 100; ++i)
        many += "a:\r\n";
    std::vector<char> storage(1024);
    request_reader reader(storage);
    const auto data = test::bytes(many + "b:\r\n\r\n");
    std::span<const std::byte> in(data);
    CHECK(reader.feed(in) == head_status::failed);
    CHECK(reader.error() == errc::too_many_fields);
    CHECK(reader.error_line() == 102);
}

TEST_CASE("http_head: reads 16 KiB in single bytes to the same result") {
    std::string head = "GET / HTTP/1.1\r\n";
    while (head.size() + 170 < 16 * 1024)
        head += "Field: " + std::string(150, 'x') + "\r\n";
    head += "\r\n";
    std::vector<char> storage(16 * 1024);
    request_reader reader(storage, 200);
    std::size_t calls = 0;
    for (const std::byte one : test::bytes(head)) {
        CHECK(reader.status() == head_status::need_data);
        std::span<const std::byte> in(&one, 1);
        (void)reader.feed(in);
        ++calls;
        if (reader.size() != calls) FAIL("a byte was not taken");
    }
    CHECK(reader.status() == head_status::complete);
    CHECK(reader.fields().count("field") == (head.size() - 18) / 159);
}

TEST_CASE("http_head: takes nothing more once it is complete or has failed") {
    for (const std::string_view head : {"GET / HTTP/1.1\r\n\r\n"sv, "GET  "sv}) {
        std::array<char, 64> storage{};
        request_reader reader(storage);
        const auto data = test::bytes(head);
        std::span<const std::byte> in(data);
        const head_status status = reader.feed(in);
        CHECK(status != head_status::need_data);
        const auto more = test::bytes("GET / HTTP/1.1\r\n\r\n");
        in = more;
        CHECK(reader.feed(in) == status);
        CHECK(in.size() == more.size());
    }
}

TEST_CASE("http_head: has no fields before it is complete") {
    std::array<char, 64> storage{};
    request_reader reader(storage);
    const auto data = test::bytes("GET / HTTP/1.1\r\nA: b\r\n");
    std::span<const std::byte> in(data);
    CHECK(reader.feed(in) == head_status::need_data);
    CHECK(reader.fields().empty());
    CHECK(reader.method() == "GET");
}

TEST_CASE("http_head: has no status and no reason before the status line was read", "[rfc9112-4]") {
    std::vector<char> storage(64);
    response_reader reader{std::span<char>(storage)};
    const std::string_view line = "HTTP/1.1 404 Not here\r\n";
    for (const char c : line) {
        CHECK(reader.status_code() == 0);
        CHECK(reader.reason().empty());
        const std::byte one = static_cast<std::byte>(c);
        std::span<const std::byte> in(&one, 1);
        REQUIRE(reader.feed(in) == head_status::need_data);
    }
    CHECK(reader.status_code() == 404);
    CHECK(reader.reason() == "Not here");
}

TEST_CASE("http_head: refuses the same byte of a text, however many are at hand", "[rfc9110-5.5]") {
    // Texts are read a word at a time where that much is there, but for single bytes.
    for (int value = 0; value < 256; ++value) {
        const char c = static_cast<char>(static_cast<unsigned char>(value));
        for (std::size_t at = 0; at < 24; ++at) {
            const std::string text = std::string(at, '~') + c + std::string(23 - at, ' ');
            const std::string request = "G / HTTP/1.1\r\nA: " + text + "\r\n\r\nrest";
            const std::string response = "HTTP/1.1 200 " + text + "\r\n\r\nrest";
            CAPTURE(value, at);
            for (const std::size_t size : {request.size(), std::size_t{19}}) {
                CHECK(outcome<head_kind::request>(test::chunks_of(test::bytes(request), size), 1024,
                                                  100) ==
                      outcome<head_kind::request>(test::chunks_of(test::bytes(request), 1), 1024,
                                                  100));
                CHECK(outcome<head_kind::response>(test::chunks_of(test::bytes(response), size),
                                                   1024, 100) ==
                      outcome<head_kind::response>(test::chunks_of(test::bytes(response), 1), 1024,
                                                   100));
            }
        }
    }
}

TEST_CASE("http_head: makes the same of heads at random, in pieces and storage of any size") {
    std::uint32_t random = 1;
    const auto below = [&](std::size_t bound) {
        random = random * 1664525 + 1013904223;
        return (random >> 8) % bound;
    };
    constexpr std::array parts = {"a"sv,        ": "sv,        "\r\n"sv,    "\r\n\r\n"sv, " "sv,
                                  "\t"sv,       "\x7f"sv,      "\x1f"sv,    "\x80\xff"sv, "\n"sv,
                                  "\r"sv,       ","sv,         "~~~~~~~"sv, "Name"sv,     "\0"sv,
                                  "12345678"sv, "123456789"sv, "#"sv};
    std::size_t complete = 0;
    for (int round = 0; round < 20000; ++round) {
        const bool plain = below(2) == 0;
        std::string head = "G /";
        for (std::size_t i = below(3); i > 0; --i)
            head += plain ? "path"sv : parts[below(parts.size())];
        head += " HTTP/1.1\r\n";
        for (std::size_t lines = below(5); lines > 0; --lines) {
            head += "A:";
            for (std::size_t i = below(12); i > 0; --i)
                head += plain ? "x\ty12345678"sv.substr(below(12)) : parts[below(parts.size())];
            head += "\r\n";
        }
        head += "\r\n";
        const std::size_t limit = below(4) == 0 ? below(head.size() + 1) : head.size();
        const std::size_t size = 1 + below(below(2) == 0 ? 24 : head.size());
        CAPTURE(head, limit, size);
        const std::string bytes =
            outcome<head_kind::request>(test::chunks_of(test::bytes(head), 1), limit, 4);
        CHECK(outcome<head_kind::request>(test::chunks_of(test::bytes(head), size), limit, 4) ==
              bytes);
        complete += bytes.starts_with("G|") ? 1u : 0u;
    }
    CHECK(complete > 2000); // or the heads say little
}
