// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Hands an input to a test in every way that a transport may cut it.

#ifndef FRAMEWIRE_TESTS_SUPPORT_CHUNKER_HPP
#define FRAMEWIRE_TESTS_SUPPORT_CHUNKER_HPP

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace framewire::test {

/// Consecutive pieces of an input. Each is a heap block of exactly its size, so that
/// AddressSanitizer sees a read or write past its end; each may be written to.
class chunk_list {
public:
    void add(std::span<const std::byte> piece) {
        blocks_.push_back(std::make_unique<std::byte[]>(piece.size()));
        std::copy(piece.begin(), piece.end(), blocks_.back().get());
        spans_.emplace_back(blocks_.back().get(), piece.size());
    }

    [[nodiscard]] auto begin() const { return spans_.begin(); }
    [[nodiscard]] auto end() const { return spans_.end(); }
    [[nodiscard]] std::size_t size() const { return spans_.size(); }
    [[nodiscard]] std::span<std::byte> operator[](std::size_t i) const { return spans_[i]; }

private:
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::vector<std::span<std::byte>> spans_;
};

/// The input in pieces of `size` bytes; the last may be shorter.
inline chunk_list chunks_of(std::span<const std::byte> input, std::size_t size) {
    chunk_list out;
    for (std::size_t at = 0; at < input.size(); at += size) {
        out.add(input.subspan(at, std::min(size, input.size() - at)));
    }
    return out;
}

/// Calls `run(chunk_list)` for the whole input, for single bytes, and for every cut in two (the
/// cuts before the first and after the last byte, which make an empty piece, included).
template <class F> void for_each_chunking(std::span<const std::byte> input, F&& run) {
    chunk_list whole;
    whole.add(input);
    run(whole);
    run(chunks_of(input, 1));
    for (std::size_t cut = 0; cut <= input.size(); ++cut) {
        chunk_list two;
        two.add(input.first(cut));
        two.add(input.subspan(cut));
        run(two);
    }
}

} // namespace framewire::test

#endif
