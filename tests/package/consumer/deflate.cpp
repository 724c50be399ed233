// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What one connection compresses, the other understands.

#include <framewire/deflate/permessage_deflate.hpp>
#include <framewire/framewire.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fw = framewire;

int main() {
    fw::permessage_deflate client{fw::deflate_settings::no_context_takeover()};
    fw::permessage_deflate server{fw::deflate_settings{}};
    std::array<char, 256> offer, answer;
    const fw::written asked = client.write_offer(offer);
    const fw::written granted = fw::negotiate(
        server, fw::extension_list(std::string_view(offer.data(), asked.size)), answer);
    const fw::errc agreed = fw::accept_answer(
        client, fw::extension_list(std::string_view(answer.data(), granted.size)));
    if (agreed != fw::errc::success || !client.active() || !server.active()) return 1;

    fw::connection<fw::role::server, fw::options{}, fw::permessage_deflate> from({}, std::move(server));
    fw::masking_key_source keys{std::array<std::byte, 32>{}};
    fw::connection<fw::role::client, fw::options{}, fw::permessage_deflate> to(keys, {},
                                                                               std::move(client));
    const std::string text(1000, 'x');
    if (from.send_text(text) != fw::errc::success || from.output().size() > 100) return 2;
    std::vector<std::byte> sent(from.output().begin(), from.output().end());
    std::span<std::byte> in = sent;
    const fw::event event = to.next(in);
    return event.kind == fw::event_kind::text && event.text() == text ? 0 : 3;
}
