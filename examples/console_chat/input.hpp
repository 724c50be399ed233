// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Lines from the standard input, without ever standing in the way of the event loop.

#ifndef FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_INPUT_HPP
#define FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_INPUT_HPP

#include "standard_file.hpp"
#include "support/coroutines.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <unistd.h>

namespace example {

class input_lines {
public:
    explicit input_lines(asio::io_context& context) : file_(context, STDIN_FILENO) {}

    // The next line without its end, or nothing at the end of the input.
    task<std::optional<std::string>> next() {
        for (std::size_t searched = 0;;) {
            const std::size_t end = text_.find('\n', begin_ + searched);
            if (end != std::string::npos || (ended_ && begin_ < text_.size())) {
                std::string line =
                    text_.substr(begin_, end == std::string::npos ? end : end - begin_);
                begin_ = end == std::string::npos ? text_.size() : end + 1;
                co_return line;
            }
            if (ended_) co_return std::nullopt;
            text_.erase(0, begin_);
            begin_ = 0;
            searched = text_.size();
            if (searched > longest) {
                stop("a line is longer than 16 MiB");
                text_.clear();
                co_return std::nullopt;
            }
            co_await read_more();
        }
    }
    // Why the input ended before its end; empty when it did not.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    static constexpr std::size_t longest = 16u << 20;

    task<> read_more() {
        co_await file_.wait(asio::posix::descriptor_base::wait_read);
        std::array<char, 16'384> block;
        const ssize_t size = ::read(STDIN_FILENO, block.data(), block.size());
        if (size > 0) {
            text_.append(block.data(), static_cast<std::size_t>(size));
        } else if (size == 0) {
            ended_ = true;
        } else if (!try_again()) {
            stop(std::strerror(errno));
        }
    }
    void stop(std::string why) {
        problem_ = std::move(why);
        ended_ = true;
    }

    standard_file file_;
    std::string text_; // read, and not given out from begin_ on
    std::size_t begin_ = 0;
    bool ended_ = false;
    std::string problem_;
};

} // namespace example

#endif
