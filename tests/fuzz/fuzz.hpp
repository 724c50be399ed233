// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the fuzz targets share: choices taken from the input, pieces of exactly their size, and
// properties that end the program when they do not hold. A target defines LLVMFuzzerTestOneInput;
// libFuzzer calls it, or the main() of replay.cpp.

#ifndef FRAMEWIRE_TESTS_FUZZ_FUZZ_HPP
#define FRAMEWIRE_TESTS_FUZZ_FUZZ_HPP

#include "support/chunker.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace framewire::test {

/// Ends the program in a way that libFuzzer takes for a finding.
inline void require(bool holds, const char* property) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
}

/// The same for two texts, which are shown.
inline void require_same(const std::string& a, const std::string& b, const char* property) {
    if (a == b) return;
    const auto show = [](const std::string& text) {
        for (const char c : text) {
            if (c >= ' ' && c <= '~')
                std::fputc(c, stderr);
            else
                std::fprintf(stderr, "\\x%02x", static_cast<unsigned>(c) & 0xFF);
        }
        std::fputc('\n', stderr);
    };
    show(a);
    show(b);
    require(false, property);
}

/// Takes choices from the front of an input. At its end every choice is 0, or nothing.
class fuzz_input {
public:
    fuzz_input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const std::byte*>(data), size) {}

    [[nodiscard]] bool empty() const { return rest_.empty(); }
    [[nodiscard]] std::span<const std::byte> rest() const { return rest_; }

    unsigned octet() {
        if (rest_.empty()) return 0;
        const auto value = std::to_integer<unsigned>(rest_.front());
        rest_ = rest_.subspan(1);
        return value;
    }
    std::span<const std::byte> bytes(std::size_t size) {
        const std::span<const std::byte> taken = rest_.first(std::min(size, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    std::string text(std::size_t size) { return text_of(bytes(size)); }

    /// What stands in front of the next octet of that value, which is skipped.
    std::string until(unsigned end) {
        const auto at = std::find(rest_.begin(), rest_.end(), static_cast<std::byte>(end));
        std::string taken = text(static_cast<std::size_t>(at - rest_.begin()));
        (void)octet();
        return taken;
    }

    static std::string text_of(std::span<const std::byte> from) {
        std::string out(from.size(), '\0');
        std::transform(from.begin(), from.end(), out.begin(),
                       [](std::byte b) { return static_cast<char>(b); });
        return out;
    }

private:
    std::span<const std::byte> rest_;
};

/// A text in a block of exactly its size.
class exact_text {
public:
    explicit exact_text(std::string_view text)
        : block_(std::make_unique<char[]>(text.size())), size_(text.size()) {
        std::copy(text.begin(), text.end(), block_.get());
    }
    [[nodiscard]] std::string_view view() const { return {block_.get(), size_}; }

private:
    std::unique_ptr<char[]> block_;
    std::size_t size_;
};

/// Numbers that follow from a seed, the same everywhere.
class fuzz_dice {
public:
    explicit fuzz_dice(std::uint32_t seed) : state_(seed * 2654435761u + 1) {}
    std::size_t below(std::size_t bound) {
        state_ = state_ * 1664525u + 1013904223u;
        return bound == 0 ? 0 : (state_ >> 8) % bound;
    }

private:
    std::uint32_t state_;
};

/// How an input is cut: whole, in single bytes, or at random by a seed.
struct cutting {
    enum class kind { whole, single, random } how = kind::whole;
    std::uint32_t seed = 0;

    [[nodiscard]] chunk_list operator()(std::span<const std::byte> input) const {
        chunk_list out;
        if (how == kind::single) return chunks_of(input, 1);
        if (how == kind::whole) {
            out.add(input);
            return out;
        }
        fuzz_dice dice(seed + static_cast<std::uint32_t>(input.size()));
        while (!input.empty()) {
            // Pieces of no bytes too, and mostly short ones.
            const std::size_t most = dice.below(4) == 0 ? input.size() + 1 : 20;
            const std::size_t size = std::min(input.size(), dice.below(most));
            out.add(input.first(size));
            input = input.subspan(size);
        }
        return out;
    }
};

/// `run(cutting)`, which returns a text, for every way to cut: the texts have to be the same.
template <class F> std::string same_however_cut(std::uint32_t seed, const char* property, F run) {
    const std::string result = run(cutting{});
    require_same(run(cutting{cutting::kind::single}), result, property);
    require_same(run(cutting{cutting::kind::random, seed}), result, property);
    return result;
}

} // namespace framewire::test

#endif
