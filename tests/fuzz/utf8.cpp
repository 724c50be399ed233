// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// utf8_validator against the definition, by arithmetic: whole and in pieces, masked and not, with
// every kernel of this processor.

#include "support/utf8.hpp"
#include "fuzz.hpp"

#include <framewire/utf8.hpp>

using namespace framewire;
using namespace framewire::test;

namespace {

// How many bytes are accepted, and whether that is a whole text.
std::string validate(const chunk_list& pieces, const masking_key* key) {
    utf8_validator validator;
    masking_key next = key == nullptr ? masking_key{} : *key;
    std::size_t accepted = 0;
    for (const std::span<std::byte> piece : pieces) {
        const std::size_t taken =
            key == nullptr ? validator.feed(piece) : validator.feed_masked(piece, next);
        require(taken <= piece.size(), "accepts no more than there is");
        accepted += taken;
        if (taken != piece.size()) return std::to_string(accepted) + " and no further";
    }
    return std::to_string(accepted) + (validator.complete() ? " whole" : " cut");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const std::uint32_t seed = input.octet();
    masking_key key;
    for (std::byte& octet : key.octets)
        octet = static_cast<std::byte>(input.octet());
    // Valid text in front moves the rest to other places of the vectors.
    const std::string ahead(input.octet() % 70, 'a');
    std::vector<std::byte> text(ahead.size(), std::byte{'a'});
    text.insert(text.end(), input.rest().begin(), input.rest().end());

    const utf8_verdict verdict = utf8_by_arithmetic(text);
    const std::string expected =
        std::to_string(verdict.accepted) + (verdict.accepted != text.size() ? " and no further"
                                            : verdict.whole == text.size()  ? " whole"
                                                                            : " cut");
    std::vector<std::byte> masked = text;
    for (std::size_t i = 0; i < masked.size(); ++i)
        masked[i] ^= key.octets[i % 4];

    using detail::simd_level;
    for (const simd_level level : {simd_level::portable, simd_level::ssse3, simd_level::avx2,
                                   simd_level::avx512, simd_level::neon}) {
        if (!detail::force_simd_level(level)) continue;
        for (const cutting cut :
             {cutting{}, cutting{cutting::kind::single}, cutting{cutting::kind::random, seed}}) {
            require_same(validate(cut(text), nullptr), expected, "UTF-8 by arithmetic");
            require_same(validate(cut(masked), &key), expected, "masked UTF-8 by arithmetic");
        }
        chunk_list whole;
        whole.add(text);
        require(is_utf8(std::span<const std::byte>(whole[0])) == (verdict.whole == text.size()),
                "is_utf8");
    }
    (void)detail::force_simd_level(detail::best_simd_level());

    if (verdict.whole == text.size()) {
        const std::string valid = fuzz_input::text_of(text);
        const std::size_t most = seed % (valid.size() + 1);
        const std::string_view cut = utf8_prefix(valid, most);
        require(cut.size() <= most && most - cut.size() < 4 && is_utf8(cut), "utf8_prefix");
    }
    return 0;
}
