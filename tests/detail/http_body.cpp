// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/http_body.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;

// The body that comes out, with "|" behind it when it was known to be whole. The same however the
// input is cut.
std::string collect(std::span<const http_field> fields, std::string_view wire,
                    std::size_t limit = 1000, int status = 401) {
    std::string first;
    bool any = false;
    test::for_each_chunking(test::bytes(wire), [&](const test::chunk_list& chunks) {
        detail::http_body body(status, http_fields(fields), limit);
        std::string got;
        for (std::span<const std::byte> in : chunks) {
            while (!in.empty() && !body.done()) {
                const std::span<const std::byte> piece = body.next(in);
                if (piece.empty() && !in.empty() && !body.done()) FAIL("does not go on");
                got += test::text_of(piece);
            }
            if (!body.next(in).empty()) FAIL("goes on behind the end");
        }
        got += body.done() ? "|" : "";
        if (any && got != first) FAIL("differs by chunking");
        first = got;
        any = true;
    });
    return first;
}

std::string collect(http_field field, std::string_view wire, std::size_t limit = 1000,
                    int status = 401) {
    return collect(std::span(&field, 1), wire, limit, status);
}

constexpr auto chunks = test::byte_array("3\r\nabc\r\n0\r\n\r\n");
constexpr bool reads_a_chunk() {
    const std::array fields = {http_field{"Transfer-Encoding", "chunked"}};
    detail::http_body body(401, http_fields(fields), 100);
    std::span<const std::byte> in(chunks);
    return body.next(in).size() == 3 && body.next(in).empty() && body.done() && in.size() == 2;
}
static_assert(reads_a_chunk());

} // namespace

TEST_CASE("http_body: ends where the length says", "[rfc9112-6.3]") {
    CHECK(collect({"Content-Length", "5"}, "hello, more") == "hello|");
    CHECK(collect({"Content-Length", "5"}, "hell") == "hell");
    CHECK(collect({"Content-Length", "0"}, "") == "|");
    CHECK(collect({"Content-Length", "18446744073709551615"}, "to the end") == "to the end");
    for (const std::string_view length : {"x", "-1", "+1", "1x", "", "1, 1", "0x1", "1 1"}) {
        CAPTURE(length);
        CHECK(collect({"Content-Length", length}, "to the end") == "to the end");
    }
    // Saturates: 2^64 + 2.
    CHECK(collect({"Content-Length", "18446744073709551618"}, "to the end") == "to the end");
}

TEST_CASE("http_body: ends with the connection when nothing says more", "[rfc9112-6.3]") {
    CHECK(collect({"X", "y"}, "to the end") == "to the end");
    CHECK(collect({"Transfer-Encoding", "gzip"}, "to the end") == "to the end");
    const std::array both = {http_field{"Transfer-Encoding", "gzip"},
                             http_field{"Content-Length", "2"}};
    CHECK(collect(both, "to the end") == "to the end");
}

TEST_CASE("http_body: is put together from chunks", "[rfc9112-7.1]") {
    const auto chunked = [](std::string_view wire) {
        return collect({"Transfer-Encoding", "chunked"}, wire);
    };
    CHECK(chunked("5\r\nhello\r\n2;x=y\r\n, \r\n0\r\n\r\n") == "hello, |");
    CHECK(chunked("5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n") == "hello|");
    CHECK(chunked("00000000000000000000005\r\nhello\r\n0\r\n\r\n") == "hello|");
    CHECK(chunked("A\r\n0123456789\r\n") == "0123456789");
    CHECK(chunked("a ;x\r\n0123456789\r\n") == "0123456789");
    CHECK(chunked("3\r\n\r\n\n\r\n0\r\n") == "\r\n\n|"); // what looks like a line in a chunk
    CHECK(chunked("ffffffffffffffff\r\nx") == "x");
    CHECK(chunked("fffffffffffffffff\r\nx") == "x"); // saturates: more than can come
    CHECK(chunked("nonsense\r\n") == "|");
    CHECK(chunked(";5\r\nhello\r\n") == "|");
    CHECK(chunked("-5\r\nhello\r\n") == "|");
    CHECK(chunked("5x\r\nhello\r\n") == "|");
    const std::array both = {http_field{"Transfer-Encoding", "chunked"},
                             http_field{"Content-Length", "2"}};
    CHECK(collect(both, "5\r\nhello\r\n0\r\n\r\n") == "hello|");
}

TEST_CASE("http_body: is not there with a status that has none", "[rfc9112-6.3]") {
    CHECK(collect({"Content-Length", "5"}, "hello", 1000, 204) == "|");
    CHECK(collect({"Transfer-Encoding", "chunked"}, "1\r\nx", 1000, 304) == "|");
}

TEST_CASE("http_body: is no more than the limit") {
    CHECK(collect({"Content-Length", "100"}, "0123456789", 4) == "0123|");
    CHECK(collect({"Transfer-Encoding", "chunked"}, "8\r\n01234567\r\n", 4) == "0123|");
    CHECK(collect({"Transfer-Encoding", "chunked"}, "2\r\n01\r\n2\r\n23\r\n1\r\n4", 4) == "0123|");
    CHECK(collect({"X", "y"}, "0123456789", 4) == "0123|");
    CHECK(collect({"X", "y"}, "0123456789", 0) == "|");
}
