// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/extension_header.hpp>

#include "support/catch.hpp"

#include <array>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace framewire;

static_assert(std::forward_iterator<extension_list::iterator>);
static_assert(std::forward_iterator<extension_params::iterator>);
static_assert(is_extension_list("foo, bar; baz=2")); // RFC 6455 9.1
static_assert(extension_list("deflate-stream, mux; max-channels=4").contains("mux"));
static_assert(!extension_list("mux; deflate-stream").contains("deflate-stream"));
static_assert(extension_list("a; x").is_within(extension_list("b, a; y")));
static_assert(!extension_list("a, c").is_within(extension_list("b, a")));
static_assert(extension_list("").is_within(extension_list("")));
static_assert((*extension_element("a; b=\"c\"").params().begin()).value == "c");

std::string trace(const extension_list& list) {
    std::string out;
    for (const extension_element element : list) {
        out += "[" + std::string(element.name());
        for (const extension_param param : element.params()) {
            out += ";" + std::string(param.name);
            if (param.has_value) out += "=" + std::string(param.value);
        }
        out += "]";
    }
    return out;
}

// A copy on the heap, without a terminator, so that reading past its end shows.
struct exact {
    explicit exact(std::string_view text) : chars(std::make_unique<char[]>(text.size())) {
        text.copy(chars.get(), text.size());
        view = {chars.get(), text.size()};
    }
    std::unique_ptr<char[]> chars;
    std::string_view view;
};

struct row {
    std::string_view value;
    std::string_view expected;
};

void check_read(std::initializer_list<row> rows) {
    for (const row& r : rows) {
        CAPTURE(r.value);
        const exact value(r.value);
        CHECK(is_extension_list(value.view));
        CHECK(trace(extension_list(value.view)) == r.expected);
    }
}

} // namespace

TEST_CASE("extension_header: reads extensions and their parameters", "[rfc6455-9.1]") {
    check_read({
        // RFC 6455 9.1
        {"deflate-stream", "[deflate-stream]"},
        {"foo, bar; baz=2", "[foo][bar;baz=2]"},
        {"mux; max-channels=4; flow-control, deflate-stream",
         "[mux;max-channels=4;flow-control][deflate-stream]"},
        {"private-extension", "[private-extension]"},
        // RFC 7692 7.1 and 5
        {"permessage-deflate; client_max_window_bits; server_max_window_bits=10",
         "[permessage-deflate;client_max_window_bits;server_max_window_bits=10]"},
        {"permessage-foo; use_y, permessage-foo", "[permessage-foo;use_y][permessage-foo]"},
        // GHSA-5v72-xg48-5rpm
        {"constructor; __proto__=1", "[constructor;__proto__=1]"},
    });
}

TEST_CASE("extension_header: a value may be quoted, and is a token all the same",
          "[rfc6455-9.1][rfc9110-5.6.4]") {
    check_read({
        {R"(a; b="10")", "[a;b=10]"},
        {R"(a;b="!#$%&'*+-.^_`|~")", "[a;b=!#$%&'*+-.^_`|~]"},
        {R"(a;b="1\0")", R"([a;b=1\0])"}, // a quoted-pair stays as it was sent
        {R"(a;b="c";d,e)", "[a;b=c;d][e]"},
    });
    for (const std::string_view value :
         {R"("")", R"(" ")", R"("c d")", R"("c,d")", R"("c;d")", R"("c=d")", R"("c/d")",
          R"x("(c)")x", R"("c\"d")", R"("c\\d")", R"("c\ d")", "\"\xc3\xa4\"", "\"c\td\""}) {
        const std::string text = "a;b=" + std::string(value);
        CAPTURE(text);
        CHECK_FALSE(is_extension_list(exact(text).view));
    }
}

TEST_CASE("extension_header: white space may stand between any two pieces, and in none",
          "[rfc6455-9.1][rfc9110-5.6.3]") {
    check_read({
        {" a", "[a]"},
        {"a\t", "[a]"},
        {" a ;\tb = c , d;e", "[a;b=c][d;e]"},
        {"a\t \t; \tb=\t\"c\" \t,\td", "[a;b=c][d]"},
        {"a;b = c;d", "[a;b=c;d]"},
    });
    for (const std::string_view text : {"a b", "a;b c", "a;b=c d", "a;b=c d=e", "a\r\n;b", "a\v"}) {
        CAPTURE(text);
        CHECK_FALSE(is_extension_list(text));
    }
}

TEST_CASE("extension_header: parameters keep their order, and come as often as they were sent",
          "[rfc6455-9.1]") {
    // Whether a parameter may come twice is for the extension to say, so it has to see both.
    check_read({
        {"a;c;b;d=2;d=1", "[a;c;b;d=2;d=1]"},
        {"a;b;b=1;b", "[a;b;b=1;b]"},
        {"a;A", "[a;A]"},
    });
}

TEST_CASE("extension_header: extensions keep their order, and come as often as they were sent",
          "[rfc6455-9.1]") {
    check_read({{"b, a;x, b;y, a;x", "[b][a;x][b;y][a;x]"}, {"a,A", "[a][A]"}});
}

TEST_CASE("extension_header: skips empty elements of a list", "[rfc9110-5.6.1.2]") {
    check_read({{"", ""},
                {" ", ""},
                {",", ""},
                {" ,\t, ", ""},
                {",a", "[a]"},
                {"a,", "[a]"},
                {",,a,,b,", "[a][b]"},
                {", ,\ta ;b, ,", "[a;b]"}});
}

TEST_CASE("extension_header: refuses what the grammar does not have", "[rfc6455-9.1]") {
    for (const std::string_view text : {
             ";",
             "a;",
             "a; ;b",
             "a;;b",
             "a b",
             "a=b",
             "=b",
             "a;=b",
             "a;b=",
             "a;b= ;c",
             "a;b=c d",
             "a;b=c=d",
             R"("a")",
             R"(a;"b")",
             R"(a;b="")",
             R"(a;b="c)",
             R"(a;b=")",
             R"(a;b="c d")",
             R"(a;b="c\)",
             R"(a;b="c\")",
             R"(a;b="\ ")",
             R"(a;b="c"d)",
             R"(a;b=c"d")",
             R"(a;b="c,d")",
             R"(a;b="c;d")",
             "a;b='c,d;",
             "a/b",
             "a;b=c/d",
             "(a)",
             "a:b",
             "\xc3\xa4",
             "a;\xc3\xa4",
             "a;b=\xff",
             "a;b=\"\xff\"",
             "good, b;",
             "good;x=1, b c",
         }) {
        CAPTURE(text);
        const exact value(text);
        CHECK_FALSE(is_extension_list(value.view));
        (void)trace(extension_list(value.view)); // must end, within the text
    }
}

TEST_CASE("extension_header: reads the lines of a head as one list", "[rfc6455-9.1]") {
    const http_fields fields(std::string_view("Sec-WebSocket-Extensions: foo\r\n"
                                              "Other: x\r\n"
                                              "sec-websocket-extensions: bar; baz=2\r\n"));
    const extension_list list(fields);
    CHECK(list.valid());
    CHECK(trace(list) == "[foo][bar;baz=2]");
    CHECK(list.contains("bar"));
    CHECK_FALSE(list.contains("Bar"));
    CHECK(extension_list(http_fields{}).empty());

    // Half an extension in each line is not a whole one.
    const http_fields cut(std::string_view("Sec-WebSocket-Extensions: foo;\r\n"
                                           "Sec-WebSocket-Extensions: bar\r\n"));
    CHECK_FALSE(extension_list(cut).valid());
}

TEST_CASE("extension_header: the parameters end where the text is malformed") {
    CHECK(trace(extension_list("a;b=1;c d;e")) == "[a;b=1;c]");
    CHECK(trace(extension_list("a;b=;c")) == "[a]");
    CHECK(extension_element("").name().empty());
    CHECK(extension_params().begin() == extension_params().end());
}

TEST_CASE("extension_list: iterators are equal where they stand at the same element") {
    const extension_list list("a; x=1; y, b, c");
    const auto first = list.begin();
    CHECK(first == list.begin());
    CHECK(std::next(first) != first);
    CHECK(std::next(first) == std::next(list.begin()));
    CHECK(std::next(first, 3) == list.end());

    const extension_params params = (*first).params();
    CHECK(params.begin() == (*first).params().begin());
    CHECK(std::next(params.begin()) != params.begin());
    CHECK(std::next(params.begin(), 2) == params.end());
}
