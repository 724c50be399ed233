// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/deflate/parameters.hpp>

#include "support/catch.hpp"

#include <array>
#include <string>
#include <string_view>

using namespace framewire;

namespace {

std::string answer_of(std::string_view offer, const deflate_settings& settings = {}) {
    deflate_parameters asked;
    deflate_parameters granted;
    if (!parse_deflate_parameters(extension_element(offer), false, asked)) return "malformed";
    if (!answer_deflate_offer(settings, asked, granted)) return "declined";
    std::array<char, 256> text{};
    const written result = write_deflate_parameters(text, granted, false);
    REQUIRE(result.error == errc::success);
    return {text.data(), result.size};
}

} // namespace

TEST_CASE("deflate_parameters: an offer without parameters is served with a smaller window",
          "[rfc7692-7.1]") {
    CHECK(answer_of("permessage-deflate") == "permessage-deflate; server_max_window_bits=12");
}
