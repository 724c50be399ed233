// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/http_fields.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using framewire::http_field;
using framewire::http_fields;
using framewire::http_list;

static_assert(std::forward_iterator<http_fields::iterator>);
static_assert(std::forward_iterator<http_list::iterator>);

constexpr http_fields example(std::string_view("Host: a\r\nAccept:\r\nx-list:  1 , 2\t\r\n"
                                               "HOST:b\r\nX-List: 3:4\r\n"));
static_assert(example.find("host") == "a" && example.find("x-LIST") == "1 , 2");
static_assert(example.find("accept") == "" && !example.find("Accep") && !example.find(""));
static_assert(example.count("Host") == 2 && example.count("absent") == 0);
static_assert(!example.empty() && http_fields().empty());
static_assert(example.list_contains("X-List", "3:4") && !example.list_contains("X-List", "4"));
static_assert(example.list("X-List").contains("3:4") && !example.list("X-List").contains("4"));
static_assert(http_list("a, B").contains("B") && !http_list("a, B").contains("b"));
static_assert(http_list("a, B").contains_token("b") && !http_list("a, B").contains_token("c"));
static_assert(http_list("a,, b").are_tokens() && http_list(" ,").are_tokens());
static_assert(!http_list("a, b c").are_tokens() && !http_list("\"a\"").are_tokens());

std::vector<std::string> elements(http_list list) {
    std::vector<std::string> out;
    for (const std::string_view element : list)
        out.emplace_back(element);
    return out;
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("http_fields: yields each line in order, values without the white space around them",
          "[rfc9112-5]") {
    std::string trace;
    for (const http_field field : example) {
        trace += std::string(field.name) + "=" + std::string(field.value) + ";";
    }
    CHECK(trace == "Host=a;Accept=;x-list=1 , 2;HOST=b;X-List=3:4;");
}

TEST_CASE("http_fields: reads fields that were parsed elsewhere like its own") {
    const std::array parsed = {http_field{"Host", "a"}, http_field{"Connection", " keep-alive "},
                               http_field{"connection", "Upgrade"}};
    const http_fields fields(parsed);
    CHECK(std::distance(fields.begin(), fields.end()) == 3);
    CHECK(fields.find("CONNECTION") == "keep-alive");
    CHECK(fields.count("connection") == 2);
    CHECK(elements(fields.list("Connection")) == texts{"keep-alive", "Upgrade"});
    CHECK(http_fields(std::span<const http_field>{}).empty());
}

TEST_CASE("http_fields: ends on text that is not what a head reader lets through") {
    // Nothing to rely on, but it must not run away.
    for (const std::string_view text : {"no colon", "a\r", "\r", "\n", ":", "a:b", "\r\n\r\n"}) {
        const http_fields fields(text);
        CAPTURE(text);
        CHECK(std::distance(fields.begin(), fields.end()) <= 4);
        CHECK(elements(fields.list("a")).size() <= 1);
    }
}

TEST_CASE("http_fields: iterators are equal where they stand at the same field") {
    auto a = example.begin();
    const auto b = a++;
    CHECK(a != b);
    CHECK(a == std::next(example.begin()));
    CHECK(std::next(a, 4) == example.end());
    const std::array parsed = {http_field{"A", "1"}, http_field{"B", "2"}};
    const http_fields fields(parsed);
    CHECK(fields.begin() == fields.begin());
    CHECK(std::next(fields.begin()) != fields.begin());
}

TEST_CASE("http_list: iterators are equal where they stand at the same element") {
    const http_list list = example.list("X-List"); // in two lines
    auto at = list.begin();
    for (std::size_t i = 0; i < 3; ++i, ++at) {
        for (std::size_t j = 0; j < 3; ++j) {
            const auto other = std::next(list.begin(), static_cast<std::ptrdiff_t>(j));
            CHECK((at == other) == (i == j));
        }
    }
    CHECK(at == list.end());
}

TEST_CASE("http_list: reads repeated lines as one list", "[rfc9110-5.3]") {
    CHECK(elements(example.list("x-list")) == texts{"1", "2", "3:4"});
    CHECK(elements(example.list("Accept")).empty());
    CHECK(example.list("absent").empty());
}

TEST_CASE("http_list: splits at commas that are not quoted", "[rfc9110-5.6.1]") {
    struct row {
        std::string_view value;
        texts expected;
    };
    const std::array rows = {
        row{"a", {"a"}},
        row{"a,b", {"a", "b"}},
        row{" a \t,\t b ", {"a", "b"}},
        row{"", {}},
        row{" ,, \t, ", {}}, // RFC 9110 5.6.1.2: empty elements are ignored
        row{",a,,b,", {"a", "b"}},
        row{R"("a,b",c)", {R"("a,b")", "c"}},
        row{R"(x="1,\",2",c)", {R"(x="1,\",2")", "c"}},
        row{R"("open, c)", {R"("open, c)"}},
        row{R"("end\)", {R"("end\)"}},
        row{R"(a\,b)", {R"(a\)", "b"}}, // a backslash means something in quotes only
        row{"\xc3\xa4,\xff", {"\xc3\xa4", "\xff"}},
    };
    for (const row& r : rows) {
        CAPTURE(r.value);
        CHECK(elements(http_list(r.value)) == r.expected);
        CHECK(http_list(r.value).empty() == r.expected.empty());
    }
}

TEST_CASE("http_list: a quoted string ends with its line") {
    const http_fields fields(std::string_view("a: \"x,y\r\na: b\r\n"));
    CHECK(elements(fields.list("a")) == texts{"\"x,y", "b"});
}
