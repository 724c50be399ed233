// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The fields that an opening handshake is about, found in one walk over the head.

#ifndef FRAMEWIRE_DETAIL_KNOWN_FIELDS_HPP
#define FRAMEWIRE_DETAIL_KNOWN_FIELDS_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/http_fields.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace framewire::detail {

/// In the order of `known_field_names`, which is that of their lengths.
enum class known_field : std::uint8_t {
    host,
    origin,
    upgrade,
    connection,
    content_length,
    transfer_encoding,
    key,
    accept,
    version,
    subprotocols,
    extensions,
};

inline constexpr std::array<std::string_view, 11> known_field_names = {
    "Host",
    "Origin",
    "Upgrade",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
};

class known_fields {
public:
    FRAMEWIRE_NEVER_INLINE constexpr explicit known_fields(http_fields fields) noexcept
        : fields_(fields) {
        field_cursor rest = fields.cursor();
        http_field field;
        while (rest.next(field)) {
            for (std::size_t i = 0; i < known_field_names.size(); ++i) {
                const std::string_view name = known_field_names[i];
                if (name.size() < field.name.size()) continue;
                if (name.size() > field.name.size()) break;
                if (iequals(name, field.name) && ++found_[i].count == 1) {
                    found_[i].value = field.value;
                }
            }
        }
    }

    /// How many fields have that name.
    [[nodiscard]] constexpr std::size_t count(known_field name) const noexcept {
        return found_[static_cast<std::size_t>(name)].count;
    }
    /// The value of the first field of that name; empty when there is none.
    [[nodiscard]] constexpr std::string_view value(known_field name) const noexcept {
        return found_[static_cast<std::size_t>(name)].value;
    }
    /// The elements of all fields of that name, which as a rule is one.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr http_list list(known_field name) const noexcept {
        return count(name) > 1 ? fields_.list(known_field_names[static_cast<std::size_t>(name)])
                               : http_list(value(name));
    }

private:
    struct lines {
        std::string_view value;
        std::size_t count = 0;
    };

    http_fields fields_;
    std::array<lines, known_field_names.size()> found_{};
};

} // namespace framewire::detail

#endif
