// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/http.hpp>

#include "support/catch.hpp"

using namespace framewire::qt;

TEST_CASE("find_header: looks without regard to case, and takes the first") {
    const header_list headers{{"Cookie", "a"}, {"X-One", "1"}, {"x-one", "2"}};
    CHECK(find_header(headers, "x-ONE") == "1");
    CHECK(find_header(headers, "missing").isNull());
}

TEST_CASE("request: knows the URL that the client asked for") {
    request from;
    from.host = "example.org:8080";
    from.target = "/chat?room=%C3%A9";
    CHECK(from.url() == QUrl("ws://example.org:8080/chat?room=%C3%A9"));
    from.secure = true;
    from.host = "[::1]";
    from.target = "/";
    CHECK(from.url() == QUrl("wss://[::1]/"));
}

TEST_CASE("answer: accepts unless it is told to refuse") {
    CHECK(answer().status == 101);
    CHECK(answer::accept().status == 101);
    CHECK(answer::refuse(404, "no such room").body == "no such room");
}
