// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/utf8.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"
#include "support/simd_levels.hpp"
#include "support/utf8.hpp"

#include <string>
#include <vector>

using namespace framewire;

namespace {

struct vector_row {
    const char* hex;
    std::size_t accepted; // bytes before the first impossible one
    bool complete;        // whether a text may end there; only when all bytes are accepted
};

// Autobahn groups 6.5-6.23 have the whole texts; here is where each of them becomes impossible.
constexpr vector_row rows[] = {
    {"", 0, true},                                  // Autobahn 6.1.1
    {"68 65 6c 6c 6f 24", 6, true},                 // Autobahn 6.5.1
    {"68 c2 a2 77", 4, true},                       // Autobahn 6.5.2
    {"e2 82 ac", 3, true},                          // Autobahn 6.5.3
    {"f0 a4 ad a2", 4, true},                       // Autobahn 6.5.4
    {"ce ba e1 bd b9 cf 83 ce bc ce b5", 11, true}, // Autobahn 6.5.5
    {"ce", 1, false},                               // Autobahn 6.6.1
    {"ce ba e1 bd", 4, false},                      // Autobahn 6.6.4
    {"00", 1, true},                                // Autobahn 6.7.1
    {"7f", 1, true},                                // Autobahn 6.9.1
    {"df bf", 2, true},                             // Autobahn 6.9.2
    {"ef bf bf", 3, true},                          // Autobahn 6.9.3, U+FFFF
    {"f4 8f bf bf", 4, true},                       // Autobahn 6.9.4, U+10FFFF
    {"f7 bf bf bf", 0, false},                      // Autobahn 6.10.1
    {"f8 88 80 80 80", 0, false},                   // Autobahn 6.8.1
    {"ed 9f bf", 3, true},                          // Autobahn 6.11.1, before surrogates
    {"ee 80 80", 3, true},                          // Autobahn 6.11.2, after surrogates
    {"f4 90 80 80", 1, false},                      // Autobahn 6.11.5, over U+10FFFF
    {"80", 0, false},                               // Autobahn 6.12.1
    {"bf", 0, false},                               // Autobahn 6.12.2
    {"c0 20", 0, false},                            // Autobahn 6.13.1, C0 begins nothing
    {"c2 20", 1, false},                            // Autobahn 6.13.1
    {"e0 a0 20", 2, false},                         // a lonely start of three
    {"f0 90 80 20", 3, false},                      // a lonely start of four
    {"ff", 0, false},                               // Autobahn 6.16.2
    {"c1 bf", 0, false},                            // Autobahn 6.18.1, overlong
    {"e0 9f bf", 1, false},                         // Autobahn 6.18.2, overlong
    {"f0 8f bf bf", 1, false},                      // Autobahn 6.18.3, overlong
    {"ed a0 80", 1, false},                         // Autobahn 6.20.1, surrogate
    {"ed bf bf", 1, false},                         // Autobahn 6.20.7, surrogate
    {"f4 8f bf c0", 3, false},                      // a continuation byte is 80-BF
    {"f1 80 80 80", 4, true},                       // RFC 3629 4: F1-F3 take any
    {"ef bb bf 61", 4, true},                       // U+FEFF is a character like others
};

// A validator without cleverness, written from the table in RFC 3629 4.
bool is_utf8_by_table(std::span<const std::byte> s) {
    const auto at = [&](std::size_t i) {
        return i < s.size() ? std::to_integer<unsigned>(s[i]) : 0u;
    };
    const auto in = [](unsigned v, unsigned low, unsigned high) { return v >= low && v <= high; };
    std::size_t i = 0;
    while (i < s.size()) {
        const unsigned a = at(i);
        const unsigned b = at(i + 1);
        const bool c = in(at(i + 2), 0x80, 0xBF);
        const bool d = in(at(i + 3), 0x80, 0xBF);
        if (a <= 0x7F)
            i += 1;
        else if (in(a, 0xC2, 0xDF) && in(b, 0x80, 0xBF))
            i += 2;
        else if (a == 0xE0 && in(b, 0xA0, 0xBF) && c)
            i += 3;
        else if (in(a, 0xE1, 0xEC) && in(b, 0x80, 0xBF) && c)
            i += 3;
        else if (a == 0xED && in(b, 0x80, 0x9F) && c)
            i += 3;
        else if (in(a, 0xEE, 0xEF) && in(b, 0x80, 0xBF) && c)
            i += 3;
        else if (a == 0xF0 && in(b, 0x90, 0xBF) && c && d)
            i += 4;
        else if (in(a, 0xF1, 0xF3) && in(b, 0x80, 0xBF) && c && d)
            i += 4;
        else if (a == 0xF4 && in(b, 0x80, 0x8F) && c && d)
            i += 4;
        else
            return false;
    }
    return true;
}

// As rows say, with `before` ASCII bytes in front so that the word-wise paths come into play.
void check_row(const vector_row& row, std::size_t before) {
    auto input = std::vector<std::byte>(before, std::byte{'x'});
    for (const std::byte b : test::from_hex(row.hex))
        input.push_back(b);
    const std::size_t expected = before + row.accepted;

    test::for_each_chunking(input, [&](const test::chunk_list& pieces) {
        utf8_validator validator;
        std::size_t accepted = 0;
        for (const auto piece : pieces) {
            const std::size_t n = validator.feed(piece);
            accepted += n;
            if (n != piece.size()) break;
        }
        REQUIRE(accepted == expected);
        if (accepted == input.size()) REQUIRE(validator.complete() == row.complete);
    });

    constexpr masking_key key{{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x80}}};
    auto masked = input;
    mask_in_place(masked, key);
    test::for_each_chunking(masked, [&](const test::chunk_list& pieces) {
        utf8_validator validator;
        masking_key rolling = key;
        std::size_t accepted = 0;
        for (const auto piece : pieces) {
            const std::size_t n = validator.feed_masked(piece, rolling);
            const auto plain = std::span(input).subspan(accepted, n);
            REQUIRE(std::equal(plain.begin(), plain.end(), piece.begin()));
            accepted += n;
            if (n != piece.size()) break;
        }
        REQUIRE(accepted == expected);
        if (accepted == input.size()) REQUIRE(validator.complete() == row.complete);
    });
}

// What a validator says of `text` in the pieces before and after `cut`.
template <class Feed>
test::utf8_verdict fed_in_two(std::span<const std::byte> text, std::size_t cut, Feed&& feed) {
    const std::span<const std::byte> pieces[] = {text.first(cut), text.subspan(cut)};
    utf8_validator validator;
    std::size_t accepted = 0;
    for (const auto piece : pieces) {
        const test::placed_bytes placed(piece, accepted % 64);
        const std::size_t n = feed(validator, placed, accepted);
        accepted += n;
        if (n != piece.size()) break;
    }
    // The validator does not say where the code point began that it waits for the end of.
    const bool whole = accepted == text.size() && validator.complete();
    return {accepted, whole ? accepted : 0};
}

void check_cut(std::span<const std::byte> text, std::span<const std::byte> masked, masking_key key,
               std::size_t cut) {
    test::utf8_verdict expected = test::utf8_by_arithmetic(text);
    if (expected.accepted != text.size() || expected.whole != text.size()) expected.whole = 0;
    const auto plain = fed_in_two(text, cut,
                                  [](utf8_validator& validator, const test::placed_bytes& piece,
                                     std::size_t) { return validator.feed(piece.bytes()); });
    bool unmasked = true;
    const auto fused = fed_in_two(
        masked, cut,
        [&](utf8_validator& validator, const test::placed_bytes& piece, std::size_t before) {
            masking_key rolling = rotated(key, before);
            const std::size_t n = validator.feed_masked(piece.bytes(), rolling);
            const auto accepted = text.subspan(before, n);
            unmasked = unmasked && std::equal(accepted.begin(), accepted.end(), piece.data());
            if (n == piece.bytes().size()) {
                unmasked = unmasked && rolling == rotated(key, before + n);
            }
            return n;
        });
    if (plain == expected && fused == expected && unmasked) return;
    CAPTURE(test::to_hex(text), cut, plain.accepted, fused.accepted, expected.accepted, unmasked);
    FAIL("the validator disagrees with the arithmetic");
}

} // namespace

TEST_CASE("utf8: border cases in ASCII and CJK text are judged alike at every offset, whatever cut",
          "[rfc6455-8.1]") {
    constexpr masking_key key{{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x80}}};
    test::at_every_simd_level([&] {
        for (const std::string unit : {"x", "\xe6\x97\xa5"}) {
            std::vector<std::byte> filler;
            while (filler.size() < 240)
                for (const std::byte b : test::bytes(unit))
                    filler.push_back(b);
            for (const char* const border : test::utf8_borders) {
                const auto sequence = test::from_hex(border);
                for (std::size_t units = 0; units * unit.size() <= 130; ++units) {
                    const std::size_t before = units * unit.size();
                    auto text = filler;
                    text.insert(text.begin() + static_cast<std::ptrdiff_t>(before),
                                sequence.begin(), sequence.end());
                    // In turn: nothing, some, and a lot behind it.
                    const std::size_t behind[] = {0, 6 * unit.size(), text.size()};
                    text.resize(
                        std::min(text.size(), before + sequence.size() + behind[units % 3]));
                    auto masked = text;
                    mask_in_place(masked, key);
                    // Each cut around the sequence, and one at each place elsewhere in turn.
                    check_cut(text, masked, key, 0);
                    check_cut(text, masked, key, (units * 37) % (text.size() + 1));
                    for (std::size_t cut = before; cut <= before + sequence.size(); ++cut)
                        check_cut(text, masked, key, cut);
                }
            }
        }
    });
}

TEST_CASE("utf8: a text may be cut at every point", "[rfc6455-8.1]") {
    constexpr masking_key key{{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x80}}};
    std::string words;
    while (words.size() < 290)
        words += "Na\xc3\xafve \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e, \xf0\x9f\x98\x80 and ASCII to "
                 "go on; ";
    auto text = test::bytes(words);
    test::at_every_simd_level([&] {
        for (const bool wrong : {false, true}) {
            text.back() = wrong ? std::byte{0xFF} : std::byte{' '};
            auto masked = text;
            mask_in_place(masked, key);
            for (std::size_t cut = 0; cut <= text.size(); ++cut)
                check_cut(text, masked, key, cut);
        }
    });
}

TEST_CASE("utf8: fails at the first impossible byte, whatever the pieces", "[rfc6455-8.1]") {
    for (const vector_row& row : rows) {
        INFO(row.hex);
        for (const std::size_t before : {0u, 1u, 7u, 8u, 29u, 31u, 32u, 63u})
            check_row(row, before);
    }
}

TEST_CASE("utf8: agrees with the table of RFC 3629 on all sequences of three bytes",
          "[rfc3629-4]") {
    std::array<std::byte, 3> s{};
    for (unsigned a = 0; a < 256; ++a) {
        for (unsigned b = 0; b < 256; ++b) {
            for (unsigned c = 0; c < 256; ++c) {
                s = {static_cast<std::byte>(a), static_cast<std::byte>(b),
                     static_cast<std::byte>(c)};
                if (is_utf8(s) != is_utf8_by_table(s)) FAIL(test::to_hex(s));
            }
        }
    }
}

TEST_CASE("utf8: agrees with the table of RFC 3629 on four bytes", "[rfc3629-4]") {
    constexpr unsigned edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xFF};
    std::array<std::byte, 4> s{};
    for (unsigned a = 0xE0; a < 256; ++a) {
        for (unsigned b = 0; b < 256; ++b) {
            for (const unsigned c : edges) {
                for (const unsigned d : edges) {
                    s = {static_cast<std::byte>(a), static_cast<std::byte>(b),
                         static_cast<std::byte>(c), static_cast<std::byte>(d)};
                    if (is_utf8(s) != is_utf8_by_table(s)) FAIL(test::to_hex(s));
                }
            }
        }
    }
}

TEST_CASE("utf8: works at compile time", "[rfc6455-8.1]") {
    constexpr auto euro = test::byte_array("\xe2\x82\xac");
    constexpr auto surrogate = test::byte_array("\xed\xa0\x80");
    STATIC_REQUIRE(is_utf8(std::span<const std::byte>(euro)));
    STATIC_REQUIRE(!is_utf8(std::span<const std::byte>(surrogate)));
    STATIC_REQUIRE(!is_utf8(std::span<const std::byte>(euro).first(2)));
}

TEST_CASE("utf8: a validator can be used again after reset") {
    utf8_validator validator;
    CHECK(validator.feed(test::from_hex("e2 82")) == 2);
    CHECK_FALSE(validator.complete());
    validator.reset();
    CHECK(validator.complete());
    CHECK(validator.feed(test::bytes("ok")) == 2);
    CHECK(validator.complete());
}

TEST_CASE("utf8: a prefix ends between code points", "[rfc6455-5.5.1]") {
    STATIC_REQUIRE(utf8_prefix("abc", 3) == "abc");
    STATIC_REQUIRE(utf8_prefix("abc", 2) == "ab");
    STATIC_REQUIRE(utf8_prefix("a\xe2\x82\xac", 3) == "a");
    STATIC_REQUIRE(utf8_prefix("a\xe2\x82\xac", 4) == "a\xe2\x82\xac");
    STATIC_REQUIRE(utf8_prefix("\xf0\xa4\xad\xa2", 3).empty());
    STATIC_REQUIRE(utf8_prefix("", 0).empty());
}
