// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/message_extension.hpp>

#include <framewire/frame_header.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

using namespace framewire;

namespace {

// Accepts offers of its name whose parameter "level" is there and at most 3, and answers with it.
struct level_extension : no_extension {
    using no_extension::no_extension;

    static constexpr std::string_view name = "x-level";
    static constexpr std::uint8_t rsv = rsv1;

    int offers_seen = 0;
    int answers_seen = 0;

    [[nodiscard]] constexpr errc accept_answer(extension_element answer) noexcept {
        ++answers_seen;
        return answer.params().begin() == answer.params().end() ? errc::invalid_extension
                                                                : errc::success;
    }

    [[nodiscard]] constexpr written accept_offer(extension_element offer,
                                                 std::span<char> answer) noexcept {
        ++offers_seen;
        for (const extension_param param : offer.params()) {
            if (param.name == "level" && param.value.size() == 1 && param.value[0] <= '3') {
                http_head_writer writer(answer);
                writer.append(name, ";level=", param.value);
                return writer.result();
            }
        }
        return {0, errc::extension_not_offered};
    }
};

static_assert(message_extension<level_extension>);

struct level_extension_by_another_name : level_extension {
    using level_extension::level_extension;
};
static_assert(message_extension<level_extension_by_another_name>);
struct lacks_decode : level_extension {
    using level_extension::level_extension;
    void decode() = delete;
};
static_assert(!message_extension<lacks_decode>);
static_assert(!message_extension<int>);

std::string answer_to(std::string_view offers, int& offers_seen) {
    level_extension extension;
    std::array<char, 64> answer{};
    const written result = negotiate(extension, extension_list(offers), answer);
    REQUIRE(result.error == errc::success);
    offers_seen = extension.offers_seen;
    return {answer.data(), result.size};
}

} // namespace

TEST_CASE("message_extension: the first offer that can be served wins", "[rfc6455-9.1]") {
    int seen = 0;
    CHECK(answer_to("x-level; level=2", seen) == "x-level;level=2");
    CHECK(answer_to("x-other, x-level; level=9, x-level; level=3, x-level; level=1", seen) ==
          "x-level;level=3");
    CHECK(seen == 2); // not the other extension, and nothing behind the accepted offer
}

TEST_CASE("message_extension: offers that cannot be served leave the answer empty") {
    int seen = 0;
    CHECK(answer_to("", seen).empty());
    CHECK(answer_to("x-other; level=1", seen).empty());
    CHECK(seen == 0);
    CHECK(answer_to("x-level, x-level; level=9", seen).empty());
    CHECK(seen == 2);
}

TEST_CASE("message_extension: an answer buffer that is too small is an error") {
    level_extension extension;
    std::array<char, 4> answer{};
    const written result = negotiate(extension, extension_list("x-level; level=2"), answer);
    CHECK(result.error == errc::buffer_too_small);
    CHECK(result.needed == std::string_view("x-level;level=2").size());
}

TEST_CASE("message_extension: a client takes one answer for its extension", "[rfc6455-9.1]") {
    const auto answer = [](std::string_view list, int seen) {
        level_extension extension;
        const errc error = accept_answer(extension, extension_list(list));
        CHECK(extension.answers_seen == seen);
        return error;
    };
    CHECK(answer("x-level; level=1", 1) == errc::success);
    CHECK(answer("x-other, x-level; level=1", 1) == errc::success);
    CHECK(answer("", 0) == errc::success); // declined
    CHECK(answer("x-level; level=1, x-level; level=1", 1) == errc::bad_extension_list);
    CHECK(answer("x-level", 1) == errc::invalid_extension);
}

TEST_CASE("message_extension: no extension is never agreed upon") {
    no_extension none;
    std::array<char, 16> buffer{};
    const written result = negotiate(none, extension_list("permessage-deflate"), buffer);
    CHECK(result.size == 0);
    CHECK(none.accept_answer(extension_element("permessage-deflate")) ==
          errc::extension_not_offered);
    CHECK(none.write_offer(buffer).size == 0);
}

TEST_CASE("message_extension: no extension neither decodes nor encodes anything") {
    no_extension none;
    detail::byte_buffer buffer;
    extension_output out(buffer, 100);
    const auto data = test::bytes("data");
    CHECK_FALSE(none.active());
    CHECK(none.decode(data, true, out).error == errc::extension_data_invalid);
    CHECK(none.encode(opcode::text, data, true, true, out).error == errc::extension_data_invalid);
    CHECK(buffer.empty());
}

TEST_CASE("message_extension: output stops at its limit and keeps what was committed") {
    detail::byte_buffer buffer;
    REQUIRE(buffer.append(test::bytes("before ")));
    extension_output out(buffer, 10);
    std::span<std::byte> room = out.prepare(6);
    REQUIRE(room.size() == 6);
    const auto text = test::bytes("inside");
    std::copy(text.begin(), text.end(), room.begin());
    out.commit(6);
    CHECK(out.room() == 4);
    CHECK(out.prepare(5).empty());
    CHECK(out.error() == errc::message_too_big);
    CHECK(out.prepare(4).size() == 4); // exactly to the limit
    CHECK(test::text_of(buffer.bytes()) == "before inside");
}

TEST_CASE("message_extension: room for what is written never grows past the limit", "[limits]") {
    constexpr std::size_t limit = 100'000;
    detail::byte_buffer buffer;
    REQUIRE(buffer.append(test::bytes("before ")));
    extension_output out(buffer, limit);
    const std::int64_t live = test::allocations().live_bytes;
    test::reset_peak();
    while (out.room() != 0) {
        const std::size_t step = out.room() < 900 ? static_cast<std::size_t>(out.room()) : 900;
        REQUIRE(out.prepare(step).size() == step);
        out.commit(step);
    }
    CHECK(buffer.size() == limit + 7);
    CHECK(test::allocations().live_bytes - live <= static_cast<std::int64_t>(limit) + 64);
    CHECK(test::peak_bytes() - live <= 2 * static_cast<std::int64_t>(limit) + 128); // with a copy
    // Without a limit it doubles, and nothing wraps around.
    extension_output endless(buffer, extension_output::no_limit);
    CHECK(endless.prepare(1).size() == 1);
}
