// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// parse_uri and the comparison of origins: any text. What is accepted can be put together again,
// and a client can ask for it.

#include "fuzz.hpp"

#include <framewire/handshake/client.hpp>
#include <framewire/handshake/origin.hpp>
#include <framewire/handshake/uri.hpp>

#include <array>

using namespace framewire;
using namespace framewire::test;

namespace {

bool visible(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

bool within(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

void fuzz_uri(std::string_view text) {
    const uri parsed = parse_uri(text);
    if (parsed.error != errc::success) {
        require(parsed.host.empty() && parsed.authority.empty() && parsed.target.empty() &&
                    parsed.port == 0,
                "with an error, nothing else is set");
        return;
    }
    require(within(parsed.host, text) && within(parsed.authority, text) &&
                within(parsed.target, text),
            "views of the text");
    require(parsed.port != 0 && !parsed.host.empty(), "a host and a port");
    require(visible(text), "no spaces and control characters");
    for (const char c : {'@', '#', '/', '?', '\\'})
        require(parsed.authority.find(c) == std::string_view::npos, "nothing hides in the host");
    require(parsed.host.find('[') == std::string_view::npos, "an address without brackets");
    require(parsed.target.empty() || parsed.target.front() == '/' || parsed.target.front() == '?',
            "a target begins with its path or query");

    const std::string again = std::string(parsed.secure ? "WSS" : "Ws") + "://" +
                              std::string(parsed.authority) + std::string(parsed.target);
    const uri second = parse_uri(again);
    require(second.error == errc::success && second.secure == parsed.secure &&
                second.port == parsed.port && second.host == parsed.host &&
                second.authority == parsed.authority && second.target == parsed.target,
            "what was taken apart can be put together");

    constexpr std::array<std::byte, 16> nonce{};
    std::array<char, 16> storage{};
    const client_request request{.host = parsed.authority, .target = parsed.target};
    const client_handshake handshake(request, nonce, storage);
    std::vector<char> out(text.size() + 400);
    require(handshake.write_request(out).error == errc::success, "a client can ask for it");
}

void fuzz_origins(std::string_view a, std::string_view b) {
    require(same_origin(a, b) == same_origin(b, a), "two origins are the same both ways");
    for (const std::string_view one : {a, b}) {
        require(same_origin(one, one) == is_origin(one), "an origin is the same as itself");
        require(!is_origin(one) || visible(one), "no spaces and control characters");
        require(!is_origin(one) || one.find('@') == std::string_view::npos, "no user information");
    }
    if (same_origin(a, b)) require(is_origin(a) && is_origin(b), "only origins are the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const exact_text all(fuzz_input::text_of(input.rest()));
    fuzz_uri(all.view());
    const exact_text a(input.until(' '));
    const exact_text b(fuzz_input::text_of(input.rest()));
    fuzz_origins(a.view(), b.view());
    return 0;
}
