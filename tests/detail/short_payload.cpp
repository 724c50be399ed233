// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/short_payload.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <vector>

using namespace framewire;
using namespace framewire::test;
using framewire::detail::unmask_short;

namespace {

constexpr masking_key key{{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}}};

// A heap block of just the size, so that AddressSanitizer sees an access outside of it.
struct block {
    explicit block(const std::vector<std::byte>& content)
        : size(content.size()), bytes(std::make_unique<std::byte[]>(size)) {
        std::copy(content.begin(), content.end(), bytes.get());
    }
    [[nodiscard]] std::vector<std::byte> copy() const { return {bytes.get(), bytes.get() + size}; }

    std::size_t size;
    std::unique_ptr<std::byte[]> bytes;
};

// RFC 6455 5.3, to the letter.
std::vector<std::byte> masked(std::vector<std::byte> octets, masking_key with) {
    for (std::size_t i = 0; i < octets.size(); ++i)
        octets[i] ^= with.octets[i % 4];
    return octets;
}

std::vector<std::byte> text_of(std::size_t size) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(' ' + i % 94);
    return out;
}

constexpr bool hello_at_compile_time() {
    // RFC 6455 5.7
    std::array<std::byte, 5> octets{std::byte{0x7f}, std::byte{0x9f}, std::byte{0x4d},
                                    std::byte{0x51}, std::byte{0x58}};
    return unmask_short<true>(octets.data(), octets.size(), key) && octets == byte_array("Hello") &&
           unmask_short<false>(octets.data(), 5, {});
}
static_assert(hello_at_compile_time());

} // namespace

TEST_CASE("short_payload: unmasks every size with every phase of the key", "[rfc6455-5.3]") {
    for (std::size_t size = 0; size <= 300; ++size) {
        for (std::size_t phase = 0; phase < 4; ++phase) {
            const masking_key turned = rotated(key, phase);
            const auto text = text_of(size);
            const block payload(masked(text, turned));
            CAPTURE(size, phase);
            CHECK(unmask_short<true>(payload.bytes.get(), size, turned));
            CHECK(payload.copy() == text);
        }
    }
}

TEST_CASE("short_payload: unmasks at every alignment", "[rfc6455-5.3]") {
    for (std::size_t at = 0; at < 64; ++at) {
        for (const std::size_t size : {3u, 7u, 15u, 16u, 17u, 31u, 125u}) {
            const auto text = text_of(size);
            const auto wire = masked(text, key);
            std::vector<std::byte> buffer(at + size + 1, std::byte{0xEE});
            std::copy(wire.begin(), wire.end(), buffer.begin() + static_cast<std::ptrdiff_t>(at));
            CAPTURE(at, size);
            CHECK(unmask_short<true>(buffer.data() + at, size, key));
            CHECK(std::memcmp(buffer.data() + at, text.data(), size) == 0);
            CHECK((at == 0 || buffer[at - 1] == std::byte{0xEE}));
            CHECK(buffer.back() == std::byte{0xEE});
        }
    }
}

TEST_CASE("short_payload: sees one octet that is not ASCII wherever it stands", "[rfc6455-8.1]") {
    for (std::size_t size = 1; size <= 140; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            auto text = text_of(size);
            text[at] = std::byte{0x80};
            const block wire(masked(text, key));
            const block plain(text);
            CAPTURE(size, at);
            CHECK_FALSE(unmask_short<true>(wire.bytes.get(), size, key));
            CHECK(wire.copy() == text);
            CHECK_FALSE(unmask_short<false>(plain.bytes.get(), size, {}));
            CHECK(plain.copy() == text);
        }
    }
}

TEST_CASE("short_payload: looks without writing at every size", "[rfc6455-8.1]") {
    for (std::size_t size = 0; size <= 300; ++size) {
        const auto text = text_of(size);
        const block payload(text);
        CHECK(unmask_short<false>(payload.bytes.get(), size, key));
        CHECK(payload.copy() == text);
    }
}
