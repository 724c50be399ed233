// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Compiled with -fno-exceptions -fno-rtti: every member of the core's templates, and a connection
// from its opening handshake to its last Close frame.

#include <framewire/framewire.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this file shows that the core needs neither exceptions nor RTTI"
#endif

namespace framewire {
template class frame_decoder<role::client>;
template class frame_decoder<role::server>;
template class http_head_reader<head_kind::request>;
template class http_head_reader<head_kind::response>;
template class connection<role::client>;
template class connection<role::server>;
template class connection<role::server, options{.stream_messages = true}>;
} // namespace framewire

namespace {

using namespace framewire;

/// Moves what one side wants written to the other, and hands back that side's next event.
template <class From, class To>
event pass(From& from, To& to, std::span<std::byte> buffer) {
    const std::span<const std::byte> written = from.output();
    for (std::size_t i = 0; i < written.size(); ++i) buffer[i] = written[i];
    std::span<std::byte> in = buffer.first(written.size());
    from.consume_output(written.size());
    return to.next(in);
}

} // namespace

int main() {
    std::array<std::byte, 32> seed{};
    masking_key_source keys(seed);
    connection<role::client> client(keys);
    connection<role::server> server;
    std::array<std::byte, 256> buffer{};

    if (client.send_text("hello") != errc::success) return 1;
    if (pass(client, server, buffer).text() != "hello") return 2;
    if (server.close(close_code::going_away, "bye") != errc::success) return 3;
    if (pass(server, client, buffer).code != close_code::going_away) return 4;
    if (pass(client, server, buffer).kind != event_kind::close) return 5;
    return server.should_shut_down() ? 0 : 6;
}
