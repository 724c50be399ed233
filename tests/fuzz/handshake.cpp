// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The opening handshakes: any bytes as a request, a response or a proxy's answer; and whatever a
// client or a server is asked to write, the other side reads as it was meant.

#include "fuzz.hpp"

#include <framewire/handshake/client.hpp>
#include <framewire/handshake/proxy.hpp>
#include <framewire/handshake/server.hpp>

#include <array>
#include <memory>

using namespace framewire;
using namespace framewire::test;

namespace {

// RFC 6455 1.3
constexpr std::string_view sample_nonce = "the sample nonce";
constexpr std::array<std::string_view, 2> offered{"chat", "superchat"};
constexpr std::string_view offered_extensions = "permessage-deflate; client_max_window_bits, x-y";

std::span<const std::byte, 16> nonce() {
    return std::as_bytes(std::span<const char, 16>(sample_nonce.data(), 16));
}

client_request usual_request() {
    return {.host = "server.example.com",
            .target = "/chat",
            .origin = "http://example.com",
            .subprotocols = offered,
            .extensions = offered_extensions};
}

// What is written into a buffer of exactly the size that it takes; nothing on an error.
template <class Write> std::string written_by(Write write, errc& error) {
    written result = write(std::span<char>());
    require(result.size == 0, "nothing is written to no room");
    error = result.error;
    if (result.error != errc::buffer_too_small) return {};
    const auto block = std::make_unique<char[]>(result.needed);
    if (result.needed > 1) {
        const written less = write(std::span(block.get(), result.needed - 1));
        require(less.error == errc::buffer_too_small && less.needed == result.needed,
                "the size needed is the least");
    }
    const std::size_t needed = result.needed;
    result = write(std::span(block.get(), needed));
    error = result.error;
    require(result.error == errc::success && result.size == needed, "fits what it needs");
    return {block.get(), needed};
}

// CR, LF and NUL stand nowhere but at the ends of that many lines.
void require_lines(std::string_view head, std::size_t lines) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < head.size(); ++i) {
        if (head[i] == '\r') {
            require(i + 1 < head.size() && head[i + 1] == '\n', "no CR alone");
            ++found;
        }
        require(head[i] != '\n' || (i > 0 && head[i - 1] == '\r'), "no LF alone");
        require(head[i] != '\0', "no NUL");
    }
    require(found == lines, "as many lines as were asked for");
}

std::string trimmed(std::string text) {
    const auto end = text.find_last_not_of(" \t");
    if (end == std::string::npos) return {};
    text.resize(end + 1);
    return text.substr(text.find_first_not_of(" \t"));
}

// Feeds all of `input`; returns what tells how it went, and how many bytes were left.
template <class Handshake>
std::string fed(Handshake& handshake, const chunk_list& pieces, std::size_t limit) {
    std::size_t left = 0;
    std::size_t all = 0;
    for (const std::span<std::byte> piece : pieces) {
        std::span<std::byte> in = piece;
        all += in.size();
        if (handshake.status() == handshake_status::need_data) (void)handshake.feed(in);
        left += in.size();
    }
    require(all - left <= limit, "no more is taken than the limit, all heads together");
    require((handshake.status() == handshake_status::failed) ==
                (handshake.error() != errc::success),
            "a failure has a cause");
    return std::to_string(static_cast<int>(handshake.status())) + " " + std::to_string(left) + " " +
           std::string(message(handshake.error())) + " " + std::to_string(handshake.error_line());
}

std::string fields_of(http_fields fields) {
    std::string out;
    for (const http_field field : fields)
        out += "[" + std::string(field.name) + ": " + std::string(field.value) + "]";
    return out;
}

// --- What arrives

std::string serve(std::span<const std::byte> input, std::size_t limit, cutting cut) {
    const auto storage = std::make_unique<char[]>(limit);
    server_handshake handshake(std::span(storage.get(), limit), 20);
    std::string out = fed(handshake, cut(input), limit);
    errc error{};
    const std::string accepted =
        written_by([&](std::span<char> to) { return handshake.write_accept(to); }, error);
    require(accepted.empty() == (handshake.status() != handshake_status::complete),
            "accepts what is complete, and nothing else");
    if (!accepted.empty()) {
        const upgrade_request& request = handshake.request();
        require(is_key(request.key) && !request.host.empty() && !request.target.empty(),
                "a request has what it needs");
        require_lines(accepted, 5);
        for (const std::string_view name : request.subprotocols())
            out += " " + std::string(name);
        for (const extension_element element : request.extensions())
            out += " " + std::string(element.text());
        return out + std::string(request.target) + std::string(request.host) +
               std::string(request.origin) + fields_of(request.fields);
    }
    const std::string refused = written_by(
        [&](std::span<char> to) { return handshake.write_reject(to, handshake.rejection()); },
        error);
    require(refused.starts_with("HTTP/1.1 ") &&
                refused.find("\r\nConnection: close") != std::string::npos,
            "a refusal ends the connection");
    return out + refused;
}

std::string ask(std::span<const std::byte> input, std::size_t limit, cutting cut) {
    const auto storage = std::make_unique<char[]>(limit);
    const client_request request = usual_request();
    client_handshake handshake(request, nonce(), std::span(storage.get(), limit), 20);
    std::string out = fed(handshake, cut(input), limit);
    if (handshake.status() == handshake_status::complete) {
        require(handshake.status_code() == 101, "only a 101 opens");
        require(fields_of(handshake.fields()).find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") !=
                    std::string::npos,
                "with the answer to the key");
        const std::string_view chosen = handshake.subprotocol();
        require(chosen.empty() || chosen == offered[0] || chosen == offered[1],
                "a subprotocol that was offered");
        for (const extension_element element : handshake.extensions())
            require(element.name() == "permessage-deflate" || element.name() == "x-y",
                    "extensions that were offered");
    }
    if (handshake.has_response()) {
        out += std::to_string(handshake.status_code()) + std::string(handshake.reason()) +
               fields_of(handshake.fields());
    }
    return out;
}

std::string tunnel(std::span<const std::byte> input, std::size_t limit, cutting cut) {
    const auto storage = std::make_unique<char[]>(limit);
    proxy_handshake handshake({.host = "h", .port = 1}, std::span(storage.get(), limit), 20);
    std::string out = fed(handshake, cut(input), limit);
    if (handshake.status() == handshake_status::complete)
        require(handshake.status_code() / 100 == 2, "only a 2xx makes a tunnel");
    return out + fields_of(handshake.fields());
}

// --- What is written

constexpr unsigned end_of_text = 0xFF;

struct field_texts {
    std::vector<std::string> texts; // names and values in turn
    std::vector<http_field> fields;

    explicit field_texts(fuzz_input& input) {
        for (unsigned n = input.octet() % 4; n > 0; --n) {
            texts.push_back(input.until(end_of_text));
            texts.push_back(input.until(end_of_text));
        }
        for (std::size_t i = 0; i + 1 < texts.size(); i += 2)
            fields.push_back({texts[i], texts[i + 1]});
    }
    void require_found_in(http_fields others) const {
        for (const http_field& field : fields) {
            bool found = false;
            for (const http_field other : others)
                found = found || (other.name == field.name &&
                                  other.value == trimmed(std::string(field.value)));
            require(found, "fields arrive");
        }
    }
};

void write_request(fuzz_input& input) {
    const std::string host = input.until(end_of_text);
    const std::string target = input.until(end_of_text);
    const std::string origin = input.until(end_of_text);
    const std::string extensions = input.until(end_of_text);
    std::vector<std::string> names;
    for (unsigned n = input.octet() % 4; n > 0; --n)
        names.push_back(input.until(end_of_text));
    const std::vector<std::string_view> subprotocols(names.begin(), names.end());
    const field_texts fields(input);
    const client_request request{.host = host,
                                 .target = target,
                                 .origin = origin,
                                 .subprotocols = subprotocols,
                                 .extensions = extensions,
                                 .fields = fields.fields};
    std::array<char, 16> none{};
    const client_handshake asking(request, nonce(), none);
    errc error{};
    const std::string text =
        written_by([&](std::span<char> to) { return asking.write_request(to); }, error);
    if (error != errc::success) return;

    const std::size_t optional =
        (origin.empty() ? 0u : 1u) + (names.empty() ? 0u : 1u) + (extensions.empty() ? 0u : 1u);
    require_lines(text, 7 + optional + fields.fields.size());
    std::vector<char> storage(text.size());
    server_handshake serving(storage, 100);
    std::span<const std::byte> in = std::as_bytes(std::span(text));
    require(serving.feed(in) == handshake_status::complete && in.empty(),
            "a server accepts every request that a client writes");
    const upgrade_request& read = serving.request();
    require_same(std::string(read.target), (target.starts_with('/') ? "" : "/") + target,
                 "the target arrives");
    require_same(std::string(read.host), host, "the host arrives");
    require_same(std::string(read.origin), trimmed(origin), "the origin arrives");
    std::size_t i = 0;
    for (const std::string_view name : read.subprotocols())
        require(i < names.size() && name == names[i++], "subprotocols arrive");
    require(i == names.size(), "all subprotocols arrive");
    const extension_list list(extensions);
    auto wanted = list.begin();
    for (const extension_element element : read.extensions()) {
        require(wanted != list.end() && element.text() == (*wanted).text(), "extensions arrive");
        ++wanted;
    }
    require(wanted == list.end(), "all extensions arrive");
    fields.require_found_in(read.fields);
}

void write_response(fuzz_input& input) {
    std::array<char, 1024> request_storage{};
    std::array<char, 1024> request_text{};
    std::array<char, 16> none{};
    const client_request request = usual_request();
    const client_handshake asking(request, nonce(), none);
    const written asked = asking.write_request(request_text);
    server_handshake serving(request_storage);
    std::span<const std::byte> in = std::as_bytes(std::span(request_text.data(), asked.size));
    require(serving.feed(in) == handshake_status::complete, "the usual request is accepted");

    const bool accepts = input.octet() % 2 == 0;
    const unsigned status = input.octet() << 8 | input.octet();
    const std::string first = input.until(end_of_text);
    const std::string second = input.until(end_of_text);
    const field_texts fields(input);
    const server_response response{
        .subprotocol = first, .extensions = second, .fields = fields.fields};
    const http_rejection rejection{.status = static_cast<int>(status % 700),
                                   .body = first,
                                   .content_type = second,
                                   .fields = fields.fields};
    errc error{};
    const std::string text = written_by(
        [&](std::span<char> to) {
            return accepts ? serving.write_accept(to, response)
                           : serving.write_reject(to, rejection);
        },
        error);
    if (error != errc::success) return;
    std::vector<char> storage(text.size());
    client_handshake reading(request, nonce(), storage, 100);
    in = std::as_bytes(std::span(text));
    const handshake_status end = reading.feed(in);
    require(reading.has_response(), "a client understands every response that a server writes");
    require_lines(
        std::string_view(text).substr(0, text.size() - in.size()),
        accepts ? 5 + (first.empty() ? 0u : 1u) + (second.empty() ? 0u : 1u) + fields.fields.size()
                : static_cast<std::size_t>(std::count(
                      text.begin(), text.end() - static_cast<std::ptrdiff_t>(in.size()), '\r')));
    fields.require_found_in(reading.fields());
    if (accepts) {
        require(end == handshake_status::complete && in.empty(), "accepts are accepted");
        require_same(std::string(reading.subprotocol()), first, "the subprotocol arrives");
        return;
    }
    require(end == handshake_status::failed && reading.error() == errc::upgrade_refused,
            "a refusal is one");
    const std::string length(reading.fields().find("Content-Length").value_or("0"));
    require_same(std::to_string(in.size()), length, "the body has its length");
    if (!first.empty() && !in.empty())
        require_same(fuzz_input::text_of(in), first, "the body arrives");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const unsigned what = input.octet() % 5;
    const auto cut = [&](std::string (*run)(std::span<const std::byte>, std::size_t, cutting)) {
        const std::uint32_t seed = input.octet();
        const std::size_t limit = seed % 4 == 0 ? 200 : 2048;
        (void)same_however_cut(seed, "a handshake does not depend on the pieces",
                               [&](cutting how) { return run(input.rest(), limit, how); });
    };
    switch (what) {
    case 0: cut(serve); break;
    case 1: cut(ask); break;
    case 2: cut(tunnel); break;
    case 3: write_request(input); break;
    default: write_response(input); break;
    }
    return 0;
}
