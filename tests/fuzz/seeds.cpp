// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the fuzz targets begin with, as libFuzzer wants it: a folder for each.
//   seeds <autobahn_cases.tsv> <folder>  writes conformance vectors and texts for all targets
//   unpack <corpus>.hex <folder>         writes a file for each input
//   pack <folder> <corpus>.hex           the reverse

#include "corpus.hpp"

#include "conformance/autobahn_table.hpp"
#include "support/deflate.hpp"
#include "support/peer.hpp"
#include "support/utf8.hpp"

#include <cstdio>
#include <exception>

using namespace framewire;
using namespace framewire::test;

namespace {

class folder {
public:
    folder(const std::filesystem::path& root, const char* target, const char* prefix = "seed")
        : path_(root / target), prefix_(prefix) {
        std::filesystem::create_directories(path_);
    }
    /// One that stays in the corpus, whatever it covers: what no code remembers to refuse.
    void keep(std::string_view content) {
        std::ofstream out(path_ / ("kept" + std::to_string(count_++)), std::ios::binary);
        out.write(content.data(), static_cast<std::streamsize>(content.size()));
    }
    void add(std::string_view content) {
        std::ofstream out(path_ / (prefix_ + std::to_string(count_++)), std::ios::binary);
        out.write(content.data(), static_cast<std::streamsize>(content.size()));
    }

private:
    std::filesystem::path path_;
    std::string prefix_;
    std::size_t count_ = 0;
};

std::string octet(unsigned value) { return std::string(1, static_cast<char>(value)); }

constexpr std::size_t longest = 300;

// The frames of the cases, as the peer of either role sends them.
void add_cases(const std::filesystem::path& root, const char* table) {
    folder decoder(root, "frame_decoder");
    folder connections(root, "connection");
    folder deflate(root, "deflate");
    folder utf8(root, "utf8");
    for (const autobahn_case& c : read_autobahn_table(table)) {
        std::string actions;
        std::string messages;
        frame_writer as_client(role::server);
        frame_writer as_server(role::client);
        for (const autobahn_action& a : c.actions) {
            if (a.name != "F" && a.name != "MSG") continue;
            const std::string payload = a.payload.substr(0, longest);
            const auto first = static_cast<unsigned>(
                a.name == "MSG" ? (a.has("txt") ? 0x81 : 0x82)
                                : a.number("op") | a.number("fin", 1) << 7 | a.number("rsv") << 4);
            as_client.frame(first, payload);
            as_server.frame(first, payload);
            const bool text = (first & 0xF) == 1;
            messages += octet(text ? 0x09 : 0x08) +
                        octet(static_cast<unsigned>(std::min<std::size_t>(payload.size(), 255))) +
                        payload.substr(0, 255);
            if (text) utf8.add(octet(7) + "\x37\xFA\x21\x3D" + octet(3) + payload);
        }
        if (as_client.str().empty()) continue;
        decoder.add(octet(0) + octet(7) + as_client.str().substr(0, longest));
        decoder.add(octet(1) + octet(7) + as_server.str().substr(0, longest));
        deflate.add(octet(0x34) + octet(5) + octet(7) + octet(6) + octet(1) + messages);
        // Bytes in rows of at most 63, an action in between, and what was left at the end.
        for (const bool client : {false, true}) {
            std::string script = octet(client ? 0x80 : 0x00) + octet(7) + octet(0) + octet(0);
            const std::string& wire = client ? as_server.str() : as_client.str();
            for (std::size_t at = 0; at < std::min(wire.size(), longest); at += 63) {
                const std::string part = wire.substr(at, 63);
                script += octet(static_cast<unsigned>(part.size())) + part;
                script += octet(0x87) + octet(20);
            }
            connections.add(script + octet(0x86) + octet(3) + octet(232) + octet(0));
        }
    }
    for (const char* border : utf8_borders)
        utf8.keep(octet(3) + "\x80\x81\x80\x82" + octet(30) + octets(border));
    // What an application does.
    for (unsigned flags = 0; flags < 4; ++flags) {
        for (unsigned role_bit : {0u, 0x80u}) {
            const std::string start = octet(flags | role_bit) + octet(3);
            connections.keep(start + octet(0) + octet(0) + "\x90\x01\x05Hello" + "\x91\x01\x02xy" +
                             "\x92\x01\x01\x02"
                             "ab"
                             "\x92\x01" +
                             octet(0) + octet(1) + "c" + "\x94\x01p" + "\x9D" + octet(0) +
                             octet(1) + "z" + "\x9E\x09\x03xyz" + "\x96\x03\xE8\x02ok");
            connections.keep(start + octet(15) + octet(99) +
                             "\x4F\x05Hello\x50\x05Hello\x90\x01\xFFlong" +
                             "\x46\x02pi\x46\x02pj\x88\x8A\x8B\x01\x9C\x42\x03"
                             "abc\x99");
        }
    }
    // More Pings than a peer reads answers to; a part of an answer is written in between.
    std::string pings = octet(0) + octet(3) + octet(10) + octet(0);
    for (int i = 0; i < 12; ++i) {
        pings += "\x46" + octet(120) + std::string(120, 'p');
        if (i == 6) pings += "\x87\x01";
    }
    connections.keep(pings);
    for (const unsigned how : {0x03u, 0x25u, 0x46u, 0x02u, 0x07u, 0x08u, 0x00u}) {
        for (unsigned flags = 0; flags < 8; ++flags) {
            deflate.keep(octet(flags | 0x30) + octet(4) + octet(9) + octet(6) + octet(1) +
                         octet(how) + octet(20) + "Hello, Hello, Hello!" + octet(2) + octet(9) +
                         octet(how) + octet(5) + "Hello" + octet(1));
        }
    }
    for (unsigned cut = 1; cut < 12; ++cut) // a message that is cut off
        deflate.keep(octet(0x30) + octet(5) + octet(9) + octet(6) + octet(1) + octet(0x09) +
                     octet(20) + "Hello, Hello, Hello!" + octet(cut));
    // RFC 7692 7.2.3: raw payloads.
    for (const char* digits : {"f248cdc9c90700", "f200111b00", "000500faff48656c6c6f00",
                               "f348cdc9c907000000", "f248050000 00ffff cac9c90700", "020000"}) {
        const std::string raw = octets(digits);
        deflate.keep(octet(0x34) + octet(5) + octet(7) + octet(6) + octet(1) + octet(1) +
                     octet(static_cast<unsigned>(raw.size())) + raw);
    }
}

const std::string request_lines = "Host: server.example.com\r\n"
                                  "Upgrade: websocket\r\n"
                                  "Connection: keep-alive, Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Origin: http://example.com\r\n"
                                  "Sec-WebSocket-Protocol: chat, superchat\r\n"
                                  "Sec-WebSocket-Version: 13\r\n";
const std::string response_lines = "Upgrade: websocket\r\n"
                                   "Connection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

void add_heads(const std::filesystem::path& root) {
    folder heads(root, "http_head");
    folder handshakes(root, "handshake");
    const std::string extension = "Sec-WebSocket-Extensions: permessage-deflate; a=\"b\", x\r\n";
    const std::string requests[] = {
        "GET /chat HTTP/1.1\r\n" + request_lines + "\r\n\x81\x80",
        "GET http://h:1/?x HTTP/1.1\r\n" + request_lines + extension + "\r\n",
        "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "GET / HTTP/1.1\r\n" + request_lines + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        "HEAD /x HTTP/1.1\r\nHost: \xE4\t \r\nA:\r\nb:c\r\n\r\n"};
    const std::string responses[] = {
        "HTTP/1.1 101 Switching Protocols\r\n" + response_lines + "\r\n\x81\x00",
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 101 \r\n" + response_lines +
            "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x-y\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "HTTP/1.0 200\r\n\r\n",
        "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n"};
    heads.keep(octet(4) + octet(9) + "GET / HTTP/1.1\r\nA:b\r\nC:d\r\nE:f\r\nG:h\r\n\r\n");
    heads.keep(octet(0) + octet(9) + "GET / HTTP/1.1\rXA: b\r\n\r\n");
    heads.keep(octet(0) + octet(9) + "GET / HTTP/1.1\r\nA: b\rc\r\n\rX");
    std::string hints = octet(1) + octet(4); // more than a limit of 200 together
    for (int i = 0; i < 6; ++i)
        hints += "HTTP/1.1 103 \r\nA: " + std::string(20, 'b') + "\r\n\r\n";
    handshakes.keep(hints);
    handshakes.keep(octet(2) + hints.substr(1));
    for (const std::string& request : requests) {
        heads.keep(octet(0) + octet(99) + request);
        heads.keep(octet(6) + octet(99) + request);
        handshakes.keep(octet(0) + octet(9) + request);
    }
    for (const std::string& response : responses) {
        heads.keep(octet(1) + octet(99) + response);
        handshakes.keep(octet(1) + octet(9) + response);
        handshakes.keep(octet(2) + octet(9) + response);
    }
    handshakes.keep("\x03[::1]:8080\xFF/a?b\xFFhttp://a\xFFx; y=1, z\xFF\x02one\xFFtwo\xFF\x02"
                    "A\xFF"
                    "b\xFF"
                    "C\xFF"
                    "d\xFF");
    handshakes.keep("\x03h\xFF\xFF\xFF\xFF" + octet(0) + octet(0));
    // One place at a time in which somebody asks for a line of his own.
    const std::string evil = "a\r\nX: y\xFF";
    handshakes.keep("\x03" + evil + "/\xFF\xFF\xFF" + octet(0) + octet(0));
    handshakes.keep("\x03h\xFF/" + evil + "\xFF\xFF" + octet(0) + octet(0));
    handshakes.keep("\x03h\xFF/\xFF" + evil + "\xFF" + octet(0) + octet(0));
    handshakes.keep("\x03h\xFF/\xFF\xFF" + evil + octet(0) + octet(0));
    handshakes.keep("\x03h\xFF/\xFF\xFF\xFF" + octet(1) + evil + octet(0));
    handshakes.keep("\x03h\xFF/\xFF\xFF\xFF" + octet(0) + octet(1) + "A\xFF" + evil);
    handshakes.keep("\x03h\xFF/\xFF\xFF\xFF" + octet(0) + octet(1) + evil + "v\xFF");
    for (const unsigned rejects : {0u, 1u}) {
        const std::string start = octet(4) + octet(rejects) + octet(1) + octet(0x93);
        handshakes.keep(start + "\xFF" + (rejects != 0 ? evil : "\xFF") + octet(0));
        handshakes.keep(start + "\xFFt\xFF" + octet(1) + "A\xFF" + evil);
    }
    handshakes.keep("\x04" + octet(0) + octet(0) + octet(0) +
                    "chat\xFFx-y; a\xFF\x01Server\xFFme\xFF");
    handshakes.keep("\x04" + octet(1) + octet(1) + octet(0x93) +
                    "sorry\xFFtext/html\xFF\x01Retry-After\xFF"
                    "1\xFF");
}

void add_texts(const std::filesystem::path& root) {
    folder uris(root, "uri");
    for (const char* text :
         {"ws://example.org", "wss://example.org:443/a?b=c", "ws://[::1]:8080/", "WS://h:80?x",
          "ws://1.2.3.4:65535/%41", "ws://h:0/", "ws://u@h/", "ws://h/#f", "http://h/", "ws:/h",
          "ws://[1:2:3:4:5:6:7:8]", "ws://[::ffff:1.2.3.4]/", "ws://[::1", "ws://h:99999/",
          "ws://h\r\n/", "https://example.org https://EXAMPLE.org:443", "null null",
          "http://[::1]:8080 http://[::1]"})
        uris.keep(text);
    folder extensions(root, "extension_header");
    for (const char* text :
         {"permessage-deflate; client_max_window_bits",
          "permessage-deflate; server_max_window_bits=10; client_no_context_takeover",
          "a; b=\"c\"; d, e", "permessage-deflate; client_max_window_bits=8, permessage-deflate",
          "a; b=\"c\\d\"", ", ,x", "permessage-deflate; server_max_window_bits=\"15\"",
          "permessage-deflate; server_max_window_bits=016", "a; b=\"c", "a; b=\"c\\", "a; b=\"",
          "permessage-deflate; server_max_window_bits=8",
          "permessage-deflate; server_max_window_bits=9; server_max_window_bits=10",
          "permessage-deflate; client_max_window_bits; client_max_window_bits=9"}) {
        extensions.keep(octet(0) + text);
        for (const unsigned bits : {0u, 9u, 15u}) {
            extensions.keep(octet(1) + octet(bits & 3) + octet(bits) + octet(bits) + text);
            extensions.keep(octet(2) + octet(bits & 3) + octet(bits) + octet(bits) + text);
        }
    }
    for (unsigned flags = 0; flags < 4; ++flags)
        extensions.keep(octet(3) + octet(flags) + octet(10) + octet(12) + octet(3 - flags) +
                        octet(0) + octet(15));
}

} // namespace

int main(int argc, char** argv) try {
    if (argc != 4) return 2;
    const std::string_view what = argv[1];
    if (what == "seeds") {
        add_cases(argv[3], argv[2]);
        add_heads(argv[3]);
        add_texts(argv[3]);
    } else if (what == "unpack") {
        folder out(argv[3], "", "corpus");
        for (const std::vector<std::byte>& input : read_corpus(argv[2]))
            out.add(text_of(input));
    } else if (what == "pack") {
        std::vector<std::string> inputs;
        for (const auto& entry : std::filesystem::directory_iterator(argv[2]))
            inputs.push_back(read_file(entry.path()));
        write_corpus(argv[3], inputs);
    } else {
        return 2;
    }
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
