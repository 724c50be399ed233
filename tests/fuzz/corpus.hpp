// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The corpus of a fuzz target in one file: an input a line, in hexadecimal digits. libFuzzer wants
// a folder with a file for each, which nobody wants to look at.

#ifndef FRAMEWIRE_TESTS_FUZZ_CORPUS_HPP
#define FRAMEWIRE_TESTS_FUZZ_CORPUS_HPP

#include "support/bytes.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace framewire::test {

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::vector<std::vector<std::byte>> read_corpus(const std::filesystem::path& path) {
    std::vector<std::vector<std::byte>> out;
    std::ifstream in(path);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    for (std::string line; std::getline(in, line);) {
        if (!line.empty()) out.push_back(from_hex(line));
    }
    return out;
}

/// The shortest first, so that inputs that are added change no other line.
inline void write_corpus(const std::filesystem::path& path, std::vector<std::string> inputs) {
    std::sort(inputs.begin(), inputs.end(), [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
    std::ofstream out(path);
    for (const std::string& input : inputs) {
        std::string line = to_hex(bytes(input));
        line.erase(std::remove(line.begin(), line.end(), ' '), line.end());
        out << line << '\n';
    }
    if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

} // namespace framewire::test

#endif
