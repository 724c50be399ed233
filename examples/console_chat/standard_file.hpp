// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Waits until a standard file of the program can be read or written.

#ifndef FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_STANDARD_FILE_HPP
#define FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_STANDARD_FILE_HPP

#include "support/coroutines.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#else
#include <asio/posix/basic_stream_descriptor.hpp>
#endif

namespace example {

class standard_file {
public:
    standard_file(asio::io_context& context, int number)
        : number_(number), flags_(::fcntl(number, F_GETFL)), waiter_(context.get_executor()) {
        // epoll refuses files, which are always ready. Then `waiter_` stays closed.
        framewire::net::error_code error;
        const int copy = ::dup(number);
        if (copy >= 0 && (waiter_.assign(copy, error), error)) ::close(copy);
    }
    standard_file(const standard_file&) = delete;
    standard_file& operator=(const standard_file&) = delete;
    // Asio has made it non-blocking, for everybody who has it open: a shell, say.
    ~standard_file() {
        if (flags_ >= 0) ::fcntl(number_, F_SETFL, flags_);
    }

    task<> wait(asio::posix::descriptor_base::wait_type what) {
        if (waiter_.is_open()) {
            co_await waiter_.async_wait(what, as_result);
        } else {
            co_await asio::post(as_result); // others' turn
        }
    }
    void cancel() {
        framewire::net::error_code ignored;
        (void)waiter_.cancel(ignored);
    }

private:
    const int number_;
    const int flags_;
    asio::posix::basic_stream_descriptor<executor> waiter_;
};

// After a call that failed.
inline bool try_again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

} // namespace example

#endif
