// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/http_head_writer.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;

constexpr bool writes_lines() {
    std::array<char, 64> out{};
    http_head_writer writer(out);
    writer.line("A ", std::size_t{0}, " ", std::size_t{10203});
    writer.field({"B", "c d"});
    writer.line();
    const written result = writer.result();
    return result.error == errc::success &&
           std::string_view(out.data(), result.size) == "A 0 10203\r\nB: c d\r\n\r\n";
}
static_assert(writes_lines());

errc error_of(http_field field) {
    std::array<char, 256> out{};
    http_head_writer writer(out);
    writer.field(field);
    return writer.result().error;
}

errc error_of_application(http_field field) {
    std::array<char, 256> out{};
    http_head_writer writer(out);
    writer.fields(std::span(&field, 1));
    return writer.result().error;
}

} // namespace

TEST_CASE("http_head_writer: tells the size that it needs, and never writes behind the buffer") {
    const auto write = [](std::span<char> out) {
        http_head_writer writer(out);
        writer.line("GET / HTTP/1.1");
        writer.field({"Host", "a"});
        writer.line();
        return writer.result();
    };
    const written needed = write({});
    CHECK(needed.error == errc::buffer_too_small);
    CHECK(needed.size == 0);
    CHECK(needed.needed == 27);
    for (std::size_t size = 0; size < needed.needed; ++size) {
        std::vector<char> out(size + 1, '#');
        const written result = write(std::span(out).first(size));
        CHECK(result.error == errc::buffer_too_small);
        CHECK(result.size == 0);
        CHECK(result.needed == needed.needed);
        CHECK(out[size] == '#');
    }
    std::vector<char> out(needed.needed);
    CHECK(write(out).error == errc::success);
}

TEST_CASE("http_head_writer: refuses fields that could change the meaning of the head",
          "[rfc9110-5.5]") {
    using namespace std::string_view_literals;
    CHECK(error_of({"X", "a\tb \xc3\xa4"}) == errc::success);
    for (const std::string_view value : {""sv, " "sv, "\t"sv, "a\r\nEvil: b"sv, "a\nb"sv, "a\rb"sv,
                                         "a\0b"sv, "\x7f"sv, "\x1b"sv}) {
        CAPTURE(value);
        CHECK(error_of({"X", value}) == errc::invalid_field);
    }
    for (const std::string_view name :
         {""sv, "a b"sv, "a:"sv, "a\r\nb"sv, "a\nb"sv, "a\0b"sv, "\xc3\xa4"sv, "(a)"sv, " a"sv}) {
        CAPTURE(name);
        CHECK(error_of({name, "x"}) == errc::invalid_field);
    }
}

TEST_CASE("http_head_writer: keeps applications away from the fields of the handshake") {
    for (const std::string_view name :
         {"Host", "host", "UPGRADE", "Connection", "Content-Length", "Transfer-Encoding", "Origin",
          "Sec-WebSocket-Key", "sec-websocket-accept", "Sec-WebSocket-Version",
          "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-"}) {
        CAPTURE(name);
        CHECK(error_of_application({name, "x"}) == errc::reserved_field);
    }
    for (const std::string_view name : {"Authorization", "Cookie", "Hosts", "Sec-WebSocket"}) {
        CAPTURE(name);
        CHECK(error_of_application({name, "x"}) == errc::success);
    }
    CHECK(error_of_application({"X", "\n"}) == errc::invalid_field);
}

TEST_CASE("http_head_writer: the first error stays, and has no size") {
    std::array<char, 8> out{};
    http_head_writer writer(out);
    writer.fail(errc::invalid_host);
    writer.fail(errc::invalid_field);
    writer.line("more than there is room for");
    CHECK(writer.result().error == errc::invalid_host);
    CHECK(writer.result().size == 0);
}
