// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/known_fields.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;
using detail::known_field;
using detail::known_field_names;
using detail::known_fields;

static_assert(std::ranges::is_sorted(known_field_names, {}, &std::string_view::size));

constexpr known_fields two_hosts(http_fields(std::string_view("HOST: a\r\nhost: b\r\nX: c\r\n")));
static_assert(two_hosts.count(known_field::host) == 2);
static_assert(two_hosts.value(known_field::host) == "a");
static_assert(two_hosts.list(known_field::host).contains("b"));
static_assert(two_hosts.count(known_field::origin) == 0);

std::vector<std::string> elements(const http_list& list) {
    std::vector<std::string> out;
    for (const std::string_view element : list)
        out.emplace_back(element);
    return out;
}

std::string lower(std::string_view text) {
    std::string out;
    for (const char c : text)
        out += detail::lower(c);
    return out;
}

// What the walk says is what the functions of http_fields say, each of which walks by itself.
void check(http_fields fields) {
    const known_fields found(fields);
    for (std::size_t i = 0; i < known_field_names.size(); ++i) {
        const auto which = static_cast<known_field>(i);
        const std::string_view name = known_field_names[i];
        CAPTURE(name);
        CHECK(found.count(which) == fields.count(name));
        CHECK(found.value(which) == fields.find(name).value_or(std::string_view{}));
        CHECK(elements(found.list(which)) == elements(fields.list(name)));
    }
}

} // namespace

TEST_CASE("known_fields: finds each name, alone and repeated, in any case") {
    for (const std::string_view name : known_field_names) {
        const std::string small = lower(name);
        const std::array parsed = {http_field{"A", "x"}, http_field{name, " a, b"},
                                   http_field{"", ""}, http_field{small, "c"},
                                   http_field{name, ""}};
        for (std::size_t size = 0; size <= parsed.size(); ++size) {
            CAPTURE(name, size);
            check(http_fields(std::span(parsed).first(size)));
        }
    }
}

TEST_CASE("known_fields: tells a name from one that is as long, longer or shorter") {
    for (const std::string_view name : known_field_names) {
        for (std::size_t i = 0; i < name.size(); ++i) {
            std::string other(name);
            other[i] = other[i] == 'x' ? 'y' : 'x';
            const std::string lines =
                other + ":1\r\n" + other.substr(0, i) + ":2\r\n" + std::string(name) + "x:3\r\n";
            CAPTURE(lines);
            const known_fields found{http_fields(lines)};
            for (std::size_t k = 0; k < known_field_names.size(); ++k)
                CHECK(found.count(static_cast<known_field>(k)) == 0);
            check(http_fields(lines + std::string(name) + ": 4\r\n"));
        }
    }
}

TEST_CASE("known_fields: finds all of them in one head") {
    std::string lines;
    for (int round = 0; round < 2; ++round) {
        for (const std::string_view name : known_field_names) {
            lines += std::string(name) + ": " + std::to_string(lines.size()) + "\r\n";
            check(http_fields(lines));
        }
    }
}
