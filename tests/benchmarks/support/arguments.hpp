// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The command line of the programs here: `--name value` and `--flag`, each read once.

#ifndef FRAMEWIRE_BENCHMARKS_ARGUMENTS_HPP
#define FRAMEWIRE_BENCHMARKS_ARGUMENTS_HPP

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace benchmarks {

/// Says what is wrong, and ends the program with 2.
[[noreturn]] inline void misuse(std::string_view what, std::string_view which) {
    std::fprintf(stderr, "%.*s: %.*s (try --help)\n", static_cast<int>(which.size()), which.data(),
                 static_cast<int>(what.size()), what.data());
    std::exit(2);
}

/// Reads options by name. What nobody asked for is found by `finish`.
class arguments {
public:
    arguments(int argc, char** argv, const char* help)
        : given_(argv + 1, argv + argc), help_(help), used_(given_.size()) {}

    /// The number behind `--name`, which has to lie between the bounds.
    template <typename Number>
    [[nodiscard]] Number number(std::string_view name, Number otherwise, Number low, Number high) {
        const std::string_view text = value(name);
        if (text.data() == nullptr) return otherwise;
        Number result{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
        if (error != std::errc{} || end != text.data() + text.size()) misuse("not a number", text);
        if (!(result >= low && result <= high)) misuse("out of range", name);
        return result;
    }

    /// Whether `--name` stands there.
    [[nodiscard]] bool flag(std::string_view name) {
        for (std::size_t i = 0; i < given_.size(); ++i) {
            if (!used_[i] && given_[i] == name) return used_[i] = true;
        }
        return false;
    }

    /// To be called once everything was asked for.
    void finish() {
        if (flag("--help")) {
            std::fputs(help_, stdout);
            std::exit(0);
        }
        for (std::size_t i = 0; i < given_.size(); ++i) {
            if (!used_[i]) misuse("unknown", given_[i]);
        }
    }

private:
    [[nodiscard]] std::string_view value(std::string_view name) {
        for (std::size_t i = 0; i < given_.size(); ++i) {
            if (used_[i] || given_[i] != name) continue;
            if (i + 1 == given_.size()) misuse("needs a value", name);
            used_[i] = used_[i + 1] = true;
            return given_[i + 1];
        }
        return {};
    }

    std::vector<std::string_view> given_;
    const char* help_;
    std::vector<bool> used_;
};

} // namespace benchmarks

#endif
