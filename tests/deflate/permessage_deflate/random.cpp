// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Streams that were changed at random: what comes of them does not depend on how they were cut, nor
// on whether zlib or libdeflate looked at them.

#include <framewire/deflate/permessage_deflate.hpp>

#include "support/catch.hpp"
#include "support/deflate.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr std::size_t limit = 2000;

struct decoding {
    errc error = errc::success;
    std::string message;

    friend bool operator==(const decoding&, const decoding&) = default;
};

// What the extension makes of a message in pieces of that size, with an empty window.
decoding decoded_in(permessage_deflate& extension, std::span<const std::byte> message,
                    std::size_t piece) {
    detail::byte_buffer buffer;
    decoding result;
    std::size_t at = 0;
    do {
        const auto part = message.subspan(at, std::min(piece, message.size() - at));
        at += part.size();
        extension_output out(buffer, limit - buffer.size());
        result.error = extension.decode(part, at == message.size(), out).error;
    } while (result.error == errc::success && at < message.size());
    if (result.error == errc::success) result.message = text_of(buffer.bytes());
    return result;
}

std::vector<std::string> originals(std::mt19937& random) {
    std::vector<std::string> out{octets("f248cdc9c90700"),   octets("000500faff48656c6c6f00"),
                                 octets("f348cdc9c9070000"), octets("f24805000000ffffcac9c90700"),
                                 octets("0300030003000300"), octets("00")};
    for (const int level : {0, 1, 6, 9}) {
        for (const int strategy : {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED}) {
            compressing_peer peer(15, level, strategy);
            out.push_back(peer.message(some_text(random, 150)));
            peer.begin_anew();
            out.push_back(peer.final_message(some_text(random, 150)));
            out.push_back(peer.raw(some_text(random, 100), Z_FULL_FLUSH) +
                          peer.raw(some_noise(random, 30), Z_SYNC_FLUSH) +
                          peer.message(some_text(random, 80)));
            peer.begin_anew();
            out.push_back(peer.final_message(some_text(random, 50)) +
                          peer.message(some_text(random, 50)));
            peer.begin_anew();
            out.push_back(peer.message(std::string(limit + random() % 3 - 1, 'x')));
        }
    }
    return out;
}

std::string changed(std::mt19937& random, const std::string& original) {
    std::string out = original;
    for (std::size_t times = random() % 3; times > 0 && !out.empty(); --times) {
        const std::size_t at = random() % out.size();
        switch (random() % 6) {
        case 0: out[at] = static_cast<char>(out[at] ^ (1 << random() % 8)); break;
        case 1: out[at] = static_cast<char>(random()); break;
        case 2: out.erase(at); break;
        case 3: out.insert(at, 1, static_cast<char>(random() % 4 == 0 ? 0 : random())); break;
        case 4: out.erase(at, 1 + random() % 3); break;
        case 5: out += some_noise(random, 1 + random() % 4); break;
        }
    }
    return out;
}

} // namespace

TEST_CASE("permessage_deflate: what comes of a stream does not depend on how it was cut",
          "[rfc7692-7.2.2]") {
    std::mt19937 random(20'000);
    const std::vector<std::string> from = originals(random);
    permessage_deflate extension = agreed(role::server, keeps_nothing);
    int good = 0;
    int bad = 0;
    int large = 0;
    int lenient = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::string message = changed(random, from[random() % from.size()]);
        const std::vector<std::byte> payload = bytes(message);
        const decoding whole = decoded_in(extension, payload, payload.size() + 1);
        const decoding single = decoded_in(extension, payload, 1);
        const decoding some = decoded_in(extension, payload, 2 + random() % 50);
        if (whole.error == errc::success)
            ++good;
        else if (whole.error == errc::message_too_big)
            ++large;
        else
            ++bad;
        if (whole == single && whole == some) continue;
        CAPTURE(i, to_hex(payload), shown(whole.message), shown(single.message));
        REQUIRE(single == some);
        // libdeflate takes some descriptions of codes that zlib does not, such as one that goes on
        // behind its end. What it does not take, zlib looks at.
        REQUIRE(has_libdeflate);
        REQUIRE(whole.error != errc::extension_data_invalid);
        REQUIRE(single.error == errc::extension_data_invalid);
        ++lenient;
    }
    CHECK(lenient < 100);
    // The test is worth something only if it saw enough of each.
    CHECK(good > 5000);
    CHECK(bad > 5000);
    CHECK(large > 100);
}

TEST_CASE("permessage_deflate: decodes what zlib alone decodes, and refuses the rest",
          "[rfc7692-7.2.2]") {
    std::mt19937 random(20'001);
    const std::vector<std::string> from = originals(random);
    permessage_deflate extension = agreed(role::client, keeps_nothing);
    for (int i = 0; i < 5000; ++i) {
        const std::string message = changed(random, from[random() % from.size()]);
        const decoding got = decoded_in(extension, bytes(message), message.size() + 1);
        const std::optional<std::string> wanted = decompressing_peer().message(message);
        CAPTURE(i, to_hex(bytes(message)));
        // The reader of the tests takes what stops early, too; what is whole it reads the same.
        if (got.error == errc::success && (wanted.has_value() || !has_libdeflate)) {
            REQUIRE((wanted == got.message));
        }
        if (!wanted.has_value() && !has_libdeflate) REQUIRE(got.error != errc::success);
    }
}
