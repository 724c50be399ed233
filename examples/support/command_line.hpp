// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the examples' command lines have in common, and how a program ends with a word to its user.

#ifndef FRAMEWIRE_EXAMPLES_COMMAND_LINE_HPP
#define FRAMEWIRE_EXAMPLES_COMMAND_LINE_HPP

#include <charconv>
#include <concepts>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace example {

// Why a program ends, and with which code.
class failure : public std::runtime_error {
public:
    failure(int code, const std::string& text) : std::runtime_error(text), code_(code) {}
    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

constexpr int wrong_usage = 2;

// Goes through the words of a command line.
class arguments {
public:
    arguments(int argc, const char* const* argv)
        : rest_(argv, static_cast<std::size_t>(argc > 0 ? argc : 0)) {
        take();
    }

    [[nodiscard]] bool empty() const { return rest_.empty(); }

    std::string_view take() {
        if (rest_.empty()) return {};
        const std::string_view word = rest_.front();
        rest_ = rest_.subspan(1);
        return word;
    }
    std::string_view value_of(std::string_view option) {
        if (empty()) throw failure(wrong_usage, std::string(option) + " needs a value");
        return take();
    }
    template <std::integral Number>
    Number number_of(std::string_view option, Number least, Number most) {
        const std::string_view word = value_of(option);
        Number number{};
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
        if (error != std::errc{} || end != word.data() + word.size() || number < least ||
            number > most) {
            throw failure(wrong_usage, std::string(option) + " needs a number from " +
                                           std::to_string(least) + " to " + std::to_string(most) +
                                           ", not '" + std::string(word) + "'");
        }
        return number;
    }

private:
    std::span<const char* const> rest_;
};

} // namespace example

#endif
