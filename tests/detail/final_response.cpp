// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/final_response.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace framewire;

// What the response says, what stands behind it, or the error. The same however it is cut.
std::string run(std::string_view input, std::size_t limit = 1024) {
    std::string first;
    bool any = false;
    test::for_each_chunking(test::bytes(input), [&](const test::chunk_list& chunks) {
        const auto storage = std::make_unique<char[]>(limit);
        detail::final_response response(std::span(storage.get(), limit), 10);
        std::string rest;
        for (std::span<const std::byte> in : chunks) {
            (void)response.feed(in);
            rest += test::text_of(in);
        }
        std::string told = std::to_string(response.status_code());
        told += "[" + std::string(response.reason()) + "]";
        for (const http_field field : response.fields())
            told += std::string(field.name);
        told += "|" + rest + "|";
        if (response.error() != errc::success) told += message(response.error());
        if (response.status() == head_status::need_data) told += "...";
        if (any && told != first) FAIL("differs by chunking");
        first = told;
        any = true;
    });
    return first;
}

} // namespace

TEST_CASE("final_response: skips informational responses and nothing else", "[rfc9110-15.2]") {
    CHECK(run("HTTP/1.1 200 A\r\nX: y\r\n\r\nbody") == "200[A]X|body|");
    CHECK(run("HTTP/1.1 103 A\r\nL: z\r\n\r\nHTTP/1.1 404 B\r\nX: y\r\n\r\nbody") ==
          "404[B]X|body|");
    CHECK(run("HTTP/1.1 101 A\r\nX: y\r\n\r\nHTTP/1.1 200 B\r\n\r\n") ==
          "101[A]X|HTTP/1.1 200 B\r\n\r\n|");
    CHECK(run("HTTP/1.1 199 A\r\nL: z\r\n\r\n") == "0[]||...");
    CHECK(run("HTTP/1.1 200 A\r\nX: y\r\n") == "0[]||...");
}

TEST_CASE("final_response: bounds what comes in front of the response") {
    const std::string hint = "HTTP/1.1 100 A\r\nL: z\r\n\r\n";
    std::string eight;
    for (int i = 0; i < 8; ++i)
        eight += hint;
    CHECK(run(eight + "HTTP/1.1 200 B\r\n\r\n") == "200[B]||");
    CHECK(run(eight + hint + "HTTP") ==
          "0[]|HTTP|the server sent too many informational responses");
    const std::string answer = "HTTP/1.1 200 B\r\n\r\n";
    CHECK(run(hint + answer, hint.size() + answer.size()) == "200[B]||");
    CHECK(run(hint + answer, hint.size() + answer.size() - 1) ==
          "0[]|\n|the HTTP head is larger than the limit");
}
