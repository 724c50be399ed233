// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The wrappers, where a connection does not reach: small rooms, and what a thread keeps.

#include <framewire/deflate/detail/zlib.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

struct result {
    errc error;
    std::string made;
};

result compress_within(detail::deflater& deflater, std::string_view text, bool last,
                       std::uint64_t room) {
    detail::byte_buffer buffer;
    extension_output out(buffer, room);
    const errc error = deflater.compress(bytes(text), last, out);
    return {error, text_of(buffer.bytes())};
}

} // namespace

TEST_CASE("deflater: makes a stream for every window that zlib can compress with",
          "[rfc7692-7.1.2.1]") {
    for (std::uint8_t bits = 9; bits <= 15; ++bits) {
        const auto made = detail::make_deflater({bits, 6, 5});
        REQUIRE(made != nullptr);
        CHECK(made->kind().window_bits == bits);
    }
    // zlib#171: a window of 256 octets is refused since zlib 1.2.9.
    CHECK(detail::make_deflater({8, 6, 5}) == nullptr);
    CHECK(detail::make_deflater({16, 6, 5}) == nullptr);
    CHECK(detail::make_deflater({15, 10, 5}) == nullptr);
    CHECK(detail::make_deflater({15, 6, 10}) == nullptr);
}

TEST_CASE("inflater: makes a stream for every window that can be agreed on", "[rfc7692-7.1.2]") {
    for (std::uint8_t bits = 8; bits <= 15; ++bits) {
        const auto made = detail::make_inflater(bits);
        REQUIRE(made != nullptr);
        CHECK(made->window_bits() == bits);
    }
    CHECK(detail::make_inflater(7) == nullptr);
    CHECK(detail::make_inflater(16) == nullptr);
}

TEST_CASE("deflater: needs room for the message and the tail that it takes away",
          "[rfc7692-7.2.1]") {
    const auto deflater = detail::make_deflater({});
    REQUIRE(deflater != nullptr);
    for (const std::size_t size : {0u, 5u, 100u, 1000u, 5000u}) {
        std::string text;
        while (text.size() < size)
            text += static_cast<char>(text.size() * 131 % 251);
        deflater->forget();
        const result whole = compress_within(*deflater, text, true, 100'000);
        REQUIRE(whole.error == errc::success);
        std::uint64_t least = 0;
        for (std::uint64_t room = 0; room < whole.made.size() + 20; ++room) {
            deflater->forget();
            const result got = compress_within(*deflater, text, true, room);
            CAPTURE(size, room);
            if (got.error == errc::success) {
                // Where the room ended right behind a flush, there may be one more.
                if (least == 0) least = room;
                REQUIRE(got.made.substr(0, whole.made.size()) == whole.made);
                REQUIRE(got.made.size() <= whole.made.size() + 5);
            } else {
                REQUIRE(got.error == errc::message_too_big);
                REQUIRE(room <= whole.made.size() + 9);
            }
        }
        CHECK(least >= whole.made.size());
    }
}

TEST_CASE("inflater: leaves the rest of a piece when the output has enough") {
    const auto deflater = detail::make_deflater({});
    const auto inflater = detail::make_inflater(15);
    REQUIRE((deflater != nullptr && inflater != nullptr));
    const std::string text(1'000'000, 'x');
    const result whole = compress_within(*deflater, text, true, 100'000);
    REQUIRE(whole.error == errc::success);
    const std::vector<std::byte> input = bytes(whole.made);
    std::span<const std::byte> rest = input;
    std::string got;
    int pieces = 0;
    while (!rest.empty()) {
        detail::byte_buffer buffer;
        extension_output out(buffer, extension_output::no_limit, 10'000);
        const decoded_payload done = inflater->decompress(rest, true, out);
        REQUIRE(done.error == errc::success);
        REQUIRE(done.used > 0);
        REQUIRE(buffer.size() <= 20'000);
        got += text_of(buffer.bytes());
        rest = rest.subspan(done.used);
        ++pieces;
    }
    CHECK((got == text));
    CHECK(pieces > 40);
}

TEST_CASE("shared_contexts: keeps the four that were given back last, for whoever they fit") {
    struct context {
        int kind;
    };
    using shared = detail::shared_contexts<context>;
    const auto take = [](int kind) {
        return shared::take([&](const context& one) { return one.kind == kind; });
    };
    const auto give = [](int kind) { shared::give_back(std::make_unique<context>(context{kind})); };
    CHECK(take(1) == nullptr);
    for (int kind = 1; kind <= 4; ++kind)
        give(kind);
    if (!detail::threads_keep_objects) {
        CHECK(take(4) == nullptr);
        return;
    }
    // Using one again and again does not push out another.
    for (int i = 0; i < 10; ++i) {
        auto one = take(3);
        REQUIRE(one != nullptr);
        CHECK(take(3) == nullptr);
        shared::give_back(std::move(one));
    }
    give(5); // in place of the oldest
    CHECK(take(1) == nullptr);
    for (int kind = 2; kind <= 5; ++kind) {
        CAPTURE(kind);
        CHECK(take(kind) != nullptr);
        CHECK(take(kind) == nullptr);
    }
    // Each thread has its own.
    give(6);
    bool found = true;
    std::thread([&] { found = take(6) != nullptr; }).join();
    CHECK_FALSE(found);
    CHECK(take(6) != nullptr);
}

TEST_CASE("deflater: is made in full or not at all", "[memory]") {
    for (std::int64_t index = 0;; ++index) {
        REQUIRE(index < 20);
        const std::int64_t before = allocations().live;
        failing_allocations failing(index);
        const bool made = detail::make_deflater({}) != nullptr;
        REQUIRE(allocations().live == before);
        if (made) {
            CHECK_FALSE(failing.happened());
            CHECK(index >= 4); // the object, and four blocks of zlib at least
            break;
        }
    }
    for (std::int64_t index = 0;; ++index) {
        REQUIRE(index < 20);
        const std::int64_t before = allocations().live;
        failing_allocations failing(index);
        const bool made = detail::make_inflater(15) != nullptr;
        REQUIRE(allocations().live == before);
        if (made) break;
    }
}

#if defined(FRAMEWIRE_HAS_LIBDEFLATE)

TEST_CASE("libdeflate_decoder: reads a whole stream, and needs room for all of it") {
    // 3000 times the letter x, as zlib makes it with Z_FINISH.
    const std::vector<std::byte> stream = from_hex("edc13101000000c2a0da8b6f0d0fa00000807703");
    const std::string text(3000, 'x');
    std::vector<std::byte> got(text.size());
    std::size_t used = 0;
    std::size_t made = 0;
    CHECK(detail::libdeflate_decoder::decompress(stream, got, used, made));
    CHECK(used == stream.size());
    CHECK(made == text.size());
    CHECK(text_of(got) == text);
    got.pop_back();
    CHECK_FALSE(detail::libdeflate_decoder::decompress(stream, got, used, made));
    got.resize(text.size());
    CHECK_FALSE(
        detail::libdeflate_decoder::decompress(std::span(stream).first(19), got, used, made));
}

#endif
