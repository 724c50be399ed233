// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// http_head_reader: any bytes, requests and responses, with limits taken from the input.

#include "fuzz.hpp"

#include <framewire/http_head.hpp>
#include <framewire/http_head_writer.hpp>

#include <memory>

using namespace framewire;
using namespace framewire::test;

namespace {

struct limits_of_head {
    std::size_t size = 0;
    std::size_t fields = 0;
};

template <head_kind Kind> std::string fields_of(const http_head_reader<Kind>& reader) {
    std::string out;
    for (const http_field field : reader.fields()) {
        out += '[';
        out += field.name;
        out += ": ";
        out += field.value;
        out += ']';
    }
    return out;
}

template <head_kind Kind> std::string start_of(const http_head_reader<Kind>& reader) {
    const std::string version = "HTTP/1." + std::to_string(reader.minor_version());
    if constexpr (Kind == head_kind::request) {
        return std::string(reader.method()) + ' ' + std::string(reader.target()) + ' ' + version;
    } else {
        return version + ' ' + std::to_string(reader.status_code()) + ' ' +
               std::string(reader.reason());
    }
}

// A head that is written from what was read says the same.
template <head_kind Kind> void require_same_when_written(const http_head_reader<Kind>& reader) {
    std::string out(2 * reader.size() + 100, '\0');
    http_head_writer writer(out);
    writer.line(start_of(reader));
    for (const http_field field : reader.fields())
        writer.line(field.name, ": ", field.value);
    writer.line();
    const written result = writer.result();
    require(result.error == errc::success, "a head that was read can be written");
    std::string storage(out.size(), '\0');
    http_head_reader<Kind> second(storage, 1000);
    std::span<const std::byte> in = std::as_bytes(std::span(out.data(), result.size));
    require(second.feed(in) == head_status::complete && in.empty(), "and be read again");
    require_same(fields_of(second), fields_of(reader), "with the same fields");
    require_same(start_of(second), start_of(reader), "and the same start line");
}

template <head_kind Kind>
std::string read(std::span<const std::byte> input, limits_of_head limits, cutting cut) {
    const auto storage = std::make_unique<char[]>(limits.size);
    http_head_reader<Kind> reader(std::span(storage.get(), limits.size), limits.fields);
    std::size_t left = 0;
    for (const std::span<std::byte> piece : cut(input)) {
        std::span<const std::byte> in = piece;
        if (reader.status() == head_status::need_data) (void)reader.feed(in);
        left += in.size();
        if (reader.status() != head_status::need_data) {
            const std::size_t before = in.size();
            require(reader.feed(in) == reader.status() && in.size() == before,
                    "nothing is taken behind the end");
        }
    }
    const std::size_t taken = input.size() - left;
    require(reader.size() == taken && taken <= limits.size, "no more than the limit");
    require(std::equal(storage.get(), storage.get() + taken, input.begin(),
                       [](char c, std::byte b) { return static_cast<std::byte>(c) == b; }),
            "the storage holds what was taken");
    const std::string_view text(storage.get(), taken);
    std::string out = std::to_string(static_cast<int>(reader.status())) + " " +
                      std::to_string(taken) + " " + std::string(message(reader.error())) + " " +
                      std::to_string(reader.error_line());
    require((reader.status() == head_status::failed) == (reader.error() != errc::success) &&
                (reader.error_line() != 0) == (reader.error() != errc::success),
            "a failure has a cause and a line");
    if (reader.status() != head_status::complete) return out;

    require(text.find("\r\n\r\n") == text.size() - 4, "the head ends at the first empty line");
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool cr = text[i] == '\r';
        const bool before_lf = i + 1 < text.size() && text[i + 1] == '\n';
        require(cr == before_lf && text[i] != '\0' && (i > 0 || text[i] != '\n'),
                "no CR, LF or NUL but at the ends of lines");
    }
    std::size_t count = 0;
    for (const http_field field : reader.fields()) {
        ++count;
        require(!field.name.empty() && detail::is_token(field.name), "names are tokens");
        for (const char c : field.value)
            require(c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7F),
                    "values have no control characters");
        require(field.value == detail::trim_ows(field.value), "values are trimmed");
        require(reader.fields().find(field.name).has_value(), "every name is found");
        for (const std::string_view element : reader.fields().list(field.name))
            require(!element.empty(), "elements of lists say something");
    }
    require(count <= limits.fields, "no more fields than the limit");
    require_same_when_written(reader);
    return out + start_of(reader) + fields_of(reader);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const unsigned setting = input.octet();
    const std::uint32_t seed = input.octet();
    const limits_of_head limits{(setting & 2) != 0 ? seed : 4096, (setting & 4) != 0 ? 3u : 100u};
    (void)same_however_cut(seed, "a head does not depend on the pieces", [&](cutting cut) {
        return (setting & 1) != 0 ? read<head_kind::response>(input.rest(), limits, cut)
                                  : read<head_kind::request>(input.rest(), limits, cut);
    });
    return 0;
}
