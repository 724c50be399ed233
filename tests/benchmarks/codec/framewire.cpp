// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Framewire's codec: whole connections, and its parts by themselves.

#include "codec.hpp"

#include <framewire/framewire.hpp>

#include <array>
#include <cstdio>
#include <span>

namespace codec {

namespace {

namespace fw = framewire;
using fw::role;

std::span<std::byte> bytes_of(std::uint8_t* data, std::size_t size) {
    return std::as_writable_bytes(std::span(data, size));
}
std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
    return std::as_bytes(std::span(data, size));
}
const std::uint8_t* octets(std::span<const std::byte> bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

constexpr fw::masking_key key{std::byte{mask_octets[0]}, std::byte{mask_octets[1]},
                              std::byte{mask_octets[2]}, std::byte{mask_octets[3]}};

// The same seed each time serves a benchmark, and nothing else.
fw::masking_key_source& keys() {
    static constexpr std::array<std::byte, 32> seed{std::byte{1}};
    static fw::masking_key_source source(seed);
    return source;
}

template <role Role> fw::connection<Role> make_connection() {
    if constexpr (Role == role::client) {
        return fw::connection<Role>(keys());
    } else {
        return fw::connection<Role>();
    }
}

template <role Role> struct parser {
    void operator()(std::uint8_t* data, std::size_t size, sink& out) {
        std::span<std::byte> in = bytes_of(data, size);
        for (;;) {
            const fw::event event = connection.next(in);
            if (event.kind == fw::event_kind::need_data) break;
            if (event.kind == fw::event_kind::failed) return;
            out.take(octets(event.payload), event.payload.size());
        }
    }
    fw::connection<Role> connection = make_connection<Role>();
};

// Frames alone: neither their order nor UTF-8 is looked at.
template <role Role> struct frame_parser {
    void operator()(std::uint8_t* data, std::size_t size, sink& out) {
        std::span<std::byte> in = bytes_of(data, size);
        for (;;) {
            const fw::decoded item = decoder.next(in);
            if (item.kind == fw::decoded_kind::need_data) break;
            if (item.kind == fw::decoded_kind::error) return;
            if (item.kind == fw::decoded_kind::payload) {
                out.take(octets(item.payload), item.payload.size());
            }
        }
    }
    fw::frame_decoder<Role> decoder;
};

// What is written lies in the connection; the check alone wants it elsewhere.
template <role Role> struct encoder {
    void operator()(const frames& wanted, output& out) {
        connection.consume_output(connection.output().size());
        const std::size_t size = wanted.kind().size;
        const bool text = wanted.kind().text;
        for (std::size_t i = 0; i < wanted.count(); ++i) {
            const std::span<const std::byte> payload = bytes_of(wanted.payload(i), size);
            (void)(text ? connection.send_text(payload) : connection.send_binary(payload));
        }
        keep(connection.output().data());
        if (!copied) {
            copied = true;
            out.append(connection.output().data(), connection.output().size());
        }
    }
    fw::connection<Role> connection = make_connection<Role>();
    bool copied = false;
};

template <role Role> fw::frame_encoder<Role> make_frame_encoder() {
    if constexpr (Role == role::client) {
        return fw::frame_encoder<Role>(keys());
    } else {
        return fw::frame_encoder<Role>();
    }
}

// Frames into memory of one's own; UTF-8 is not looked at.
template <role Role> struct frame_encoder {
    void operator()(const frames& wanted, output& out) {
        const std::span<std::byte> room = bytes_of(out.data(), wanted.size());
        fw::frame_header header;
        header.op = wanted.kind().text ? fw::opcode::text : fw::opcode::binary;
        std::size_t at = 0;
        for (std::size_t i = 0; i < wanted.count(); ++i) {
            at += fw::encode_into(room.subspan(at), encode, header,
                                  bytes_of(wanted.payload(i), wanted.kind().size));
        }
        out.set_size(at);
    }
    fw::frame_encoder<Role> encode = make_frame_encoder<Role>();
};

void answer(std::string& out) {
    std::array<char, 8192> head;
    fw::server_handshake handshake(head);
    std::span<const std::byte> in = std::as_bytes(std::span(handshake_request));
    out.resize(512);
    if (handshake.feed(in) == fw::handshake_status::complete) {
        out.resize(handshake.write_accept(std::span(out.data(), out.size())).size);
    }
}

// The client's part: nobody else's can be given a nonce.
constexpr fw::client_request asked{
    .host = "localhost:3000", .target = "/chat", .origin = "http://localhost:3000"};

std::span<const std::byte, 16> nonce() {
    static constexpr std::array<char, 17> text{"the sample nonce"}; // of RFC 6455 1.3
    return std::as_bytes(std::span(text)).first<16>();
}

void ask(std::string& out) {
    out.resize(512);
    const fw::client_handshake handshake(asked, nonce(), {});
    out.resize(handshake.write_request(std::span(out.data(), out.size())).size);
}

void read_answer(std::string& out) {
    static const std::string given = framewire_answer(handshake_request);
    std::array<char, 8192> head;
    fw::client_handshake handshake(asked, nonce(), head);
    std::span<const std::byte> in = std::as_bytes(std::span(given));
    out = handshake.feed(in) == fw::handshake_status::complete ? "complete" : "failed";
}

// Unmasking and checking, in one pass or in two. The text is masked again before each run.
template <typename Unmask> void add_unmask(works& all, const char* who, Unmask unmask) {
    struct kind {
        const char* name;
        std::size_t size;
        const std::string* text;
    };
    static constexpr std::array kinds{
        kind{"ASCII, 125 B", 125, &ascii}, kind{"ASCII, 1 KiB", 1024, &ascii},
        kind{"ASCII, 16 KiB", 16384, &ascii}, kind{"CJK, 16 KiB", 16384, &cjk}};
    for (const kind& each : kinds) {
        struct state {
            explicit state(const kind& of)
                : original(of.size, *of.text, run_size), changed(original) {
                for (std::size_t i = 0; i < original.count(); ++i)
                    fw::mask_in_place(bytes_of(original[i], of.size), key);
            }
            pieces original;
            pieces changed;
            std::size_t valid = 0;
        };
        const auto self = std::make_shared<state>(each);
        all.push_back({"unmask and check UTF-8", each.name, who, self->original.count(),
                       self->original.count() * each.size,
                       [self, unmask] {
                           self->valid = 0;
                           for (std::size_t i = 0; i < self->changed.count(); ++i) {
                               self->valid +=
                                   unmask(bytes_of(self->changed[i], self->changed.piece()));
                           }
                           keep(self->valid);
                       },
                       [self] { self->changed = self->original; },
                       [self] { return self->valid == self->changed.count(); }});
    }
}

} // namespace

std::size_t framewire_connection_size() { return sizeof(fw::connection<role::server>); }

std::string framewire_answer(const std::string& request) {
    std::array<char, 8192> head;
    std::array<char, 512> out;
    fw::server_handshake handshake(head);
    std::span<const std::byte> in = std::as_bytes(std::span(request));
    if (handshake.feed(in) != fw::handshake_status::complete) return {};
    return std::string(out.data(), handshake.write_accept(out).size);
}

void add_framewire(works& all) {
    add_parser<parser<role::server>>(all, true, "Framewire");
    add_parser<parser<role::client>>(all, false, "Framewire");
    add_parser<frame_parser<role::server>>(all, true, "Framewire, frames alone");
    add_parser<frame_parser<role::client>>(all, false, "Framewire, frames alone");
    add_encoder<encoder<role::server>>(all, true, "Framewire");
    add_encoder<encoder<role::client>>(all, false, "Framewire");
    add_encoder<frame_encoder<role::server>>(all, true, "Framewire, frames alone");
    add_encoder<frame_encoder<role::client>>(all, false, "Framewire, frames alone");
    add_mask(all, "Framewire", [](std::uint8_t* data, std::size_t size) {
        fw::mask_in_place(bytes_of(data, size), key);
    });
    add_utf8(all, "Framewire", [](const std::uint8_t* data, std::size_t size) {
        return fw::is_utf8(bytes_of(data, size));
    });
    add_unmask(all, "one pass", [](std::span<std::byte> text) {
        fw::utf8_validator utf8;
        fw::masking_key masked_with = key;
        return utf8.feed_masked(text, masked_with) == text.size() && utf8.complete();
    });
    add_unmask(all, "two passes", [](std::span<std::byte> text) {
        fw::utf8_validator utf8;
        fw::mask_in_place(text, key);
        return utf8.feed(text) == text.size() && utf8.complete();
    });
    add_handshake(all, "Framewire", answer);
    add_handshake(all, "request of a client", "Framewire", ask, [](const std::string& out) {
        return out.compare(0, 14, "GET /chat HTTP") == 0 &&
               out.find("dGhlIHNhbXBsZSBub25jZQ==") != std::string::npos;
    });
    add_handshake(all, "answer read by a client", "Framewire", read_answer,
                  [](const std::string& out) { return out == "complete"; });
}

} // namespace codec
