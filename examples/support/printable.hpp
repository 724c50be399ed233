// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Text of others, made fit to be shown.

#ifndef FRAMEWIRE_EXAMPLES_PRINTABLE_HPP
#define FRAMEWIRE_EXAMPLES_PRINTABLE_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace example {

inline std::string hex(unsigned char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    return {digits[byte >> 4], digits[byte & 15]};
}

// A terminal obeys control characters: a peer could have it rewrite what stands there. UTF-8 comes
// out as it is, but for those characters.
inline std::string printable(std::string_view text, std::string_view allowed = {}) {
    std::string shown;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F are control characters as well: C2, and a byte below A0.
        const bool second =
            byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        const bool control = byte < 0x20 || byte == 0x7F || second;
        if (!control || allowed.find(text[i]) != std::string_view::npos) {
            shown += text[i];
        } else {
            shown += "\\x" + hex(second ? static_cast<unsigned char>(text[++i]) : byte);
        }
    }
    return shown;
}

} // namespace example

#endif
