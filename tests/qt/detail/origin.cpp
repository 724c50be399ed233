// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/origin.hpp>

#include "support/catch.hpp"

using framewire::qt::detail::normal_origin;
using framewire::qt::detail::origin_allowed;

TEST_CASE("origin: equals in scheme, host and port", "[rfc6454-5]") {
    const QList<QByteArray> allowed{"https://example.org", "http://localhost:3000",
                                    "http://[::1]:8080"};
    for (const char* good :
         {"https://example.org", "https://EXAMPLE.org", "HTTPS://example.org",
          "https://example.org:443", "http://localhost:3000", "http://[::1]:8080"}) {
        CAPTURE(good);
        CHECK(origin_allowed(good, allowed));
    }
    for (const char* bad :
         {"", "null", "http://example.org", "https://example.org:444", "https://example.org.evil",
          "https://evil-example.org", "https://evil.org/https://example.org", "https://example.or",
          "https://user@example.org", "https://example.org@evil.org",
          "https://evil.org#example.org", "https://example.org/", "example.org", "https://",
          "https://sub.example.org", "http://localhost", "http://localhost:30000", "http://[::1]",
          "file://"}) {
        CAPTURE(bad);
        CHECK_FALSE(origin_allowed(bad, allowed));
    }
    CHECK_FALSE(origin_allowed("null", {"null"}));
    CHECK_FALSE(origin_allowed("https://example.org", {}));
}

TEST_CASE("origin: default ports are left out", "[rfc6454-6]") {
    CHECK(normal_origin("http://a:80") == "http://a");
    CHECK(normal_origin("https://a:80") == "https://a:80");
    CHECK(normal_origin("ws://a:80") == "ws://a");
}
