// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/http_body.hpp>

#include "support/catch.hpp"

#include <array>
#include <string_view>

using framewire::http_field;
using framewire::http_fields;
using framewire::qt::detail::http_body;

namespace {
// The body that comes out, with "|" behind it when it was known to be whole.
QByteArray collect(http_field field, QByteArrayView wire, qsizetype limit = 1000,
                   bool one_by_one = false) {
    const std::array<http_field, 1> fields{field};
    http_body body(401, http_fields(fields), limit);
    if (one_by_one) {
        for (const char c : wire) {
            if (body.feed(QByteArrayView(&c, 1))) break;
        }
    } else {
        body.feed(wire);
    }
    return body.bytes() + (body.done() ? "|" : "");
}
} // namespace

TEST_CASE("http_body: ends where RFC 9112 6.3 says") {
    const auto [field, wire,
                expected] = GENERATE(table<http_field, std::string_view, std::string_view>({
        {{"Content-Length", "5"}, "hello, more", "hello|"},
        {{"Content-Length", "5"}, "hell", "hell"},
        {{"Content-Length", "0"}, "", "|"},
        {{"Content-Length", "x"}, "to the end", "to the end"},
        {{"Content-Length", "-1"}, "to the end", "to the end"},
        {{"X", "y"}, "to the end", "to the end"},
        {{"Transfer-Encoding", "chunked"}, "5\r\nhello\r\n2;x=y\r\n, \r\n0\r\n\r\n", "hello, |"},
        {{"Transfer-Encoding", "chunked"}, "A\r\n0123456789\r\n", "0123456789"},
        {{"Transfer-Encoding", "chunked"}, "nonsense\r\n", "|"},
        {{"Transfer-Encoding", "chunked"}, "fffffffffffffffff\r\n", "|"},
    }));
    for (const bool one_by_one : {false, true}) {
        const QByteArray got =
            collect(field, QByteArrayView(wire.data(), static_cast<qsizetype>(wire.size())), 1000,
                    one_by_one);
        CHECK(std::string_view(got.constData(), static_cast<std::size_t>(got.size())) == expected);
    }
}

TEST_CASE("http_body: keeps no more than the limit") {
    CHECK(collect({"Content-Length", "100"}, "0123456789", 4) == "0123|");
    CHECK(collect({"Transfer-Encoding", "chunked"}, "8\r\n01234567\r\n", 4) == "0123|");
    CHECK(collect({"X", "y"}, "0123456789", 4) == "0123|");
    CHECK(collect({"X", "y"}, "0123456789", 0) == "|");
}
