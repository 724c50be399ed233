// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a TCP socket can do and Qt has no functions for. Where it is not known how, nothing is done,
// and what is returned says so.

#ifndef FRAMEWIRE_QT_DETAIL_SYSTEM_SOCKET_HPP
#define FRAMEWIRE_QT_DETAIL_SYSTEM_SOCKET_HPP

#include <QtGlobal>

#include <array>
#include <cstddef>
#include <span>

#ifdef Q_OS_UNIX
#include <sys/socket.h>
#include <sys/uio.h>
#endif

namespace framewire::qt::detail {

// Ends the direction from here to the peer, behind what was written.
[[nodiscard]] inline bool end_writing([[maybe_unused]] qintptr descriptor) noexcept {
#ifdef Q_OS_UNIX
    return ::shutdown(static_cast<int>(descriptor), SHUT_WR) == 0;
#else
    return false;
#endif
}

// Writes the two one behind the other, as much as the system takes at once.
// \returns how many bytes that was; also 0 for an error, which the next write finds again.
[[nodiscard]] inline std::size_t
write_both([[maybe_unused]] qintptr descriptor, [[maybe_unused]] std::span<const std::byte> first,
           [[maybe_unused]] std::span<const std::byte> second) noexcept {
#ifdef Q_OS_UNIX
    // What is written from is not const in POSIX.
    std::array<iovec, 2> parts{iovec{const_cast<std::byte*>(first.data()), first.size()},
                               iovec{const_cast<std::byte*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
#ifdef MSG_NOSIGNAL
    constexpr int flags = MSG_NOSIGNAL;
#else
    constexpr int flags = 0; // Qt has the signal ignored where there is no such flag
#endif
    const auto size = ::sendmsg(static_cast<int>(descriptor), &message, flags);
    return size < 0 ? 0 : static_cast<std::size_t>(size);
#else
    return 0;
#endif
}

} // namespace framewire::qt::detail

#endif
