// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The standard output, without ever standing in the way of the event loop.

#ifndef FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_OUTPUT_HPP
#define FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_OUTPUT_HPP

#include "standard_file.hpp"
#include "support/coroutines.hpp"

#include <cstddef>
#include <string_view>

#include <unistd.h>

namespace example {

class output {
public:
    explicit output(asio::io_context& context) : file_(context, STDOUT_FILENO) {}

    // Waits for as long as nobody reads what was written before.
    task<> write(std::string_view text) {
        while (!text.empty() && !given_up_) {
            co_await file_.wait(asio::posix::descriptor_base::wait_write);
            const ssize_t size = given_up_ ? 0 : ::write(STDOUT_FILENO, text.data(), text.size());
            if (size >= 0) {
                text.remove_prefix(static_cast<std::size_t>(size));
            } else if (!try_again()) {
                co_return;
            }
        }
    }
    // What is being written is not finished, and nothing is written any more.
    void give_up() {
        given_up_ = true;
        file_.cancel();
    }

private:
    standard_file file_;
    bool given_up_ = false;
};

} // namespace example

#endif
