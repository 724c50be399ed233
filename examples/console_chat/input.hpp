// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Lines from the standard input, without ever standing in the way of the event loop.

#ifndef FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_INPUT_HPP
#define FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_INPUT_HPP

#include "support/coroutines.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#else
#include <asio/posix/basic_stream_descriptor.hpp>
#endif

namespace example {

class input_lines {
public:
    explicit input_lines(asio::io_context& context)
        : waiter_(context.get_executor()), flags_(::fcntl(STDIN_FILENO, F_GETFL)) {
        // epoll refuses files, which are always ready. Then `waiter_` stays closed.
        framewire::net::error_code error;
        const int copy = ::dup(STDIN_FILENO);
        if (copy >= 0 && (waiter_.assign(copy, error), error)) ::close(copy);
    }
    input_lines(const input_lines&) = delete;
    input_lines& operator=(const input_lines&) = delete;
    // Asio has made it non-blocking, for everybody who has it open: a shell, say.
    ~input_lines() {
        if (flags_ >= 0) ::fcntl(STDIN_FILENO, F_SETFL, flags_);
    }

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
            co_await read_more();
        }
    }

private:
    task<> read_more() {
        if (waiter_.is_open()) {
            co_await waiter_.async_wait(waiter_.wait_read, as_result);
        } else {
            co_await asio::post(as_result); // others' turn
        }
        std::array<char, 16'384> block;
        const ssize_t size = ::read(STDIN_FILENO, block.data(), block.size());
        if (size > 0) {
            text_.append(block.data(), static_cast<std::size_t>(size));
        } else if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            ended_ = true;
        }
    }

    asio::posix::basic_stream_descriptor<executor> waiter_;
    const int flags_;
    std::string text_; // read, and not given out from begin_ on
    std::size_t begin_ = 0;
    bool ended_ = false;
};

} // namespace example

#endif
