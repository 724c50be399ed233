// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Sec-WebSocket-Extensions: any text, and the negotiation of permessage-deflate with any settings
// on both sides. What a server answers is an answer to the offer, and both sides agree on the same.

#include "fuzz.hpp"

#include <framewire/deflate/permessage_deflate.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/message_extension.hpp>

#include <array>

using namespace framewire;
using namespace framewire::test;

namespace {

// An element as RFC 6455 9.1 writes it.
std::string rewritten(extension_element element) {
    std::string out(element.name());
    for (const extension_param param : element.params()) {
        out += "; " + std::string(param.name);
        if (param.has_value) out += "=\"" + std::string(param.value) + '"';
    }
    return out;
}

// RFC 7692 7.1: each parameter once, and a window is a number of 8 to 15 without zeroes in front.
void require_strict(extension_element element, bool answer) {
    std::vector<std::string_view> seen;
    for (const extension_param param : element.params()) {
        require(std::find(seen.begin(), seen.end(), param.name) == seen.end(), "each once");
        seen.push_back(param.name);
        const bool window = param.name.ends_with("_max_window_bits");
        require(window || (param.name.ends_with("_no_context_takeover") && !param.has_value),
                "nothing unknown");
        if (!window) continue;
        static constexpr std::string_view numbers[] = {"8",  "9",  "10", "11",
                                                       "12", "13", "14", "15"};
        const bool number =
            std::find(std::begin(numbers), std::end(numbers), param.value) != std::end(numbers);
        require(number || (!param.has_value && !answer && param.name.starts_with("client")),
                "windows are numbers");
    }
}

void fuzz_list(std::string_view text) {
    const extension_list list(text);
    std::string again;
    bool valid = true;
    for (const extension_element element : list) {
        require(!element.text().empty(), "elements say something");
        valid = valid && element.valid();
        for (const bool answer : {false, true}) {
            deflate_parameters parameters;
            if (parse_deflate_parameters(element, answer, parameters))
                require_strict(element, answer);
        }
        require(!element.valid() || list.contains(element.name()), "names are found");
        if (!again.empty()) again += ", ";
        again += rewritten(element);
    }
    require(valid == list.valid() && valid == is_extension_list(text), "valid if all are");
    if (!valid) return;
    const extension_list second(again);
    require(second.valid(), "a valid list can be written again");
    std::string third;
    for (const extension_element element : second) {
        if (!third.empty()) third += ", ";
        third += rewritten(element);
    }
    require_same(third, again, "with the same meaning");
}

deflate_settings settings_from(fuzz_input& input) {
    const unsigned flags = input.octet();
    deflate_settings out;
    out.enabled = (flags & 0x80) == 0;
    out.server_no_context_takeover = (flags & 1) != 0;
    out.client_no_context_takeover = (flags & 2) != 0;
    out.server_max_window_bits = static_cast<std::uint8_t>(input.octet() % 20);
    out.client_max_window_bits = static_cast<std::uint8_t>(input.octet() % 20);
    return out;
}

void require_usable(const deflate_parameters& agreed) {
    require(agreed.server_max_window_bits >= 8 && agreed.server_max_window_bits <= 15 &&
                agreed.client_max_window_bits >= 8 && agreed.client_max_window_bits <= 15,
            "windows of 8 to 15 bits");
}

// A message from one side to the other, if both have agreed.
void require_understood(permessage_deflate& from, permessage_deflate& to) {
    const std::string text(300, 'm');
    detail::byte_buffer encoded;
    extension_output out(encoded, 1000);
    const auto payload = std::as_bytes(std::span(text));
    const encoded_payload sent = from.encode(opcode::text, payload, true, true, out);
    require(sent.error == errc::success, "encodes");
    if (sent.as_it_is) return;
    detail::byte_buffer decoded;
    extension_output in(decoded, 1000);
    require(to.decode(encoded.bytes(), true, in).error == errc::success, "decodes");
    require_same(fuzz_input::text_of(decoded.bytes()), text, "a message arrives");
}

void fuzz_offer(fuzz_input& input) {
    permessage_deflate server(settings_from(input));
    const exact_text text(fuzz_input::text_of(input.rest()));
    const extension_list offers(text.view());
    std::array<char, permessage_deflate::max_header_value> answer{};
    const written made = negotiate(server, offers, answer);
    require(made.error == errc::success, "an answer fits its room");
    require((made.size != 0) == server.active(), "active if it has answered");
    if (made.size == 0) return;
    require_usable(server.parameters());
    require(server.parameters().server_max_window_bits >= 9, "a server answers what zlib can do");
    const extension_element element(std::string_view(answer.data(), made.size));
    deflate_parameters granted;
    require(parse_deflate_parameters(element, true, granted), "the answer is one");
    bool answers_one = false;
    for (const extension_element offer : offers) {
        deflate_parameters asked;
        if (offer.name() != deflate_name || !parse_deflate_parameters(offer, false, asked))
            continue;
        answers_one = answers_one || is_deflate_answer_to(asked, granted);
    }
    require(answers_one, "it answers one of the offers");
}

void fuzz_answer(fuzz_input& input) {
    permessage_deflate client(settings_from(input));
    const exact_text text(fuzz_input::text_of(input.rest()));
    const errc error = accept_answer(client, extension_list(text.view()));
    require(error == errc::success || error == errc::bad_extension_answer ||
                error == errc::extension_not_offered || error == errc::bad_extension_list,
            "why an answer is refused");
    require(error == errc::success || error == errc::bad_extension_list || !client.active(),
            "not active after a refusal");
    if (client.active()) require_usable(client.parameters());
}

void fuzz_agreement(fuzz_input& input) {
    const deflate_settings asked = settings_from(input);
    permessage_deflate client(asked);
    permessage_deflate server(settings_from(input));
    std::array<char, permessage_deflate::max_header_value> text{};
    const written offer = client.write_offer(text);
    require(offer.error == errc::success && (offer.size != 0) == asked.enabled, "offers");
    std::array<char, permessage_deflate::max_header_value> answer{};
    const written made =
        negotiate(server, extension_list(std::string_view(text.data(), offer.size)), answer);
    require(made.error == errc::success, "an answer fits its room");
    if (made.size == 0) return;
    const extension_list answers(std::string_view(answer.data(), made.size));
    require(accept_answer(client, answers) == errc::success, "two sides of ours agree");
    require(client.active() && server.active(), "both are active");
    require(client.parameters().server_max_window_bits ==
                    server.parameters().server_max_window_bits &&
                client.parameters().client_max_window_bits ==
                    server.parameters().client_max_window_bits &&
                client.parameters().server_no_context_takeover ==
                    server.parameters().server_no_context_takeover &&
                client.parameters().client_no_context_takeover ==
                    server.parameters().client_no_context_takeover,
            "on the same");
    for (int i = 0; i < 2; ++i) {
        require_understood(client, server);
        require_understood(server, client);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    switch (input.octet() % 4) {
    case 0: fuzz_list(exact_text(fuzz_input::text_of(input.rest())).view()); break;
    case 1: fuzz_offer(input); break;
    case 2: fuzz_answer(input); break;
    default: fuzz_agreement(input); break;
    }
    return 0;
}
