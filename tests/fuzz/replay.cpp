// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Runs a fuzz target without libFuzzer: <program> <corpus>.hex, or <program> <file with an input>.

#include "corpus.hpp"
#include "fuzz.hpp"

#include <exception>
#include <memory>

int main(int argc, char** argv) try {
    if (argc != 2) return 2;
    const std::filesystem::path path(argv[1]);
    const auto inputs =
        path.extension() == ".hex"
            ? framewire::test::read_corpus(path)
            : std::vector(1, framewire::test::bytes(framewire::test::read_file(path)));
    std::size_t line = 0;
    for (const std::vector<std::byte>& input : inputs) {
        // Told first: a property that does not hold ends the program.
        std::fprintf(stderr, "\r%s:%zu ", argv[1], ++line);
        const auto block = std::make_unique<std::uint8_t[]>(input.size()); // exactly its size
        std::transform(input.begin(), input.end(), block.get(),
                       [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
        (void)LLVMFuzzerTestOneInput(block.get(), input.size());
    }
    std::printf("%zu inputs\n", inputs.size());
    return inputs.empty() ? 1 : 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
