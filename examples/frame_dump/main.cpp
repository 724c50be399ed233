// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Prints what a WebSocket peer says, from the raw bytes of one direction of a connection.
//
// What to learn here: the protocol core does no I/O. Bytes come from wherever you have them, here
// from standard input or a file; `server_handshake` or `client_handshake` takes the HTTP head off
// the front, `connection::next` turns the rest into events, and what it wants to answer waits in
// `output()`, which this program only counts.
//
//     printf '\201\005Hello' | frame_dump              what a server sends: Ping, text, ...
//     frame_dump --client FILE                         what a client sends: masked frames
//     frame_dump --client --handshake FILE             the same, beginning with its HTTP request

#include <framewire/framewire.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;

int as_int(std::string_view text) { return static_cast<int>(text.size()); }

// At most 60 characters of a payload; what is not printable ASCII or part of UTF-8 becomes a dot.
std::string preview(const event& e) {
    std::string out(utf8_prefix(e.text(), 60));
    for (char& c : out) {
        const bool raw = e.kind == event_kind::binary && static_cast<unsigned char>(c) >= 0x7F;
        if (static_cast<unsigned char>(c) < 0x20 || raw) c = '.';
    }
    if (out.size() < e.payload.size()) out += "...";
    return out;
}

void print(const event& e) {
    const std::string shown = preview(e);
    switch (e.kind) {
    case event_kind::need_data: break;
    case event_kind::text:
        std::printf("text   %zu bytes: %s\n", e.payload.size(), shown.c_str());
        break;
    case event_kind::binary:
        std::printf("binary %zu bytes: %s\n", e.payload.size(), shown.c_str());
        break;
    case event_kind::ping:
        std::printf("ping   %zu bytes: %s\n", e.payload.size(), shown.c_str());
        break;
    case event_kind::pong:
        std::printf("pong   %zu bytes: %s\n", e.payload.size(), shown.c_str());
        break;
    case event_kind::close:
        std::printf("close  %d %s\n", static_cast<int>(e.code), shown.c_str());
        break;
    case event_kind::failed: {
        const std::string_view why = message(e.error);
        std::printf("failed %.*s (close code %d)\n", as_int(why), why.data(),
                    static_cast<int>(e.code));
        break;
    }
    }
}

// Feeds the connection until it has said its last word.
template <class Connection> bool dump(Connection& self, std::FILE* file, std::span<std::byte> in) {
    std::vector<std::byte> buffer(in.begin(), in.end());
    buffer.resize(in.size() < 65536 ? 65536 : in.size());
    std::size_t size = in.size();
    std::size_t answered = 0;
    for (bool more = true; more;) {
        std::span<std::byte> bytes = std::span(buffer).first(size);
        for (;;) {
            const event e = self.next(bytes);
            if (e.kind == event_kind::need_data) break;
            print(e);
        }
        answered += self.output().size();
        self.consume_output(self.output().size());
        size = std::fread(buffer.data(), 1, buffer.size(), file);
        more = size != 0;
    }
    self.receive_eof();
    std::span<std::byte> nothing;
    print(self.next(nothing));
    answered += self.output().size();
    std::printf("the other side would have answered with %zu bytes\n", answered);
    return self.close_received();
}

// Takes the request off the front of the input; the bytes behind it stay in `in`.
bool read_request(std::FILE* file, std::vector<std::byte>& buffer, std::span<std::byte>& in) {
    std::array<char, 16384> head{};
    server_handshake handshake(head);
    for (;;) {
        buffer.resize(65536);
        buffer.resize(std::fread(buffer.data(), 1, buffer.size(), file));
        std::span<const std::byte> bytes = buffer;
        const handshake_status status = handshake.feed(bytes);
        in = std::span(buffer).last(bytes.size());
        if (status == handshake_status::complete) break;
        if (status == handshake_status::failed || buffer.empty()) {
            const std::string_view why = status == handshake_status::failed
                                             ? message(handshake.error())
                                             : "the input ends inside the request";
            std::printf("failed %.*s (line %zu)\n", as_int(why), why.data(),
                        handshake.error_line());
            return false;
        }
    }
    const std::string_view target = handshake.request().target;
    const std::string_view host = handshake.request().host;
    std::printf("opens  %.*s on %.*s\n", as_int(target), target.data(), as_int(host), host.data());
    return true;
}

int run(std::FILE* file, bool from_client, bool with_handshake) {
    std::vector<std::byte> buffer;
    std::span<std::byte> in;
    if (with_handshake && !read_request(file, buffer, in)) return EXIT_FAILURE;
    // Whoever reads what a client sent plays the server, and the other way round.
    if (from_client) {
        connection<role::server> server;
        return dump(server, file, in) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    // The answers are never sent, so these keys need not be secret. Yours do: see
    // masking_key_source.
    constexpr std::array<std::byte, 32> seed{};
    masking_key_source keys(seed);
    connection<role::client> client(keys);
    return dump(client, file, in) ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
    bool from_client = false;
    bool with_handshake = false;
    const char* path = nullptr;
    for (const char* argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
        const std::string_view a = argument;
        if (a == "--client") {
            from_client = true;
        } else if (a == "--handshake") {
            with_handshake = true;
        } else if (a.starts_with("-") || path != nullptr) {
            std::fputs("usage: frame_dump [--client [--handshake]] [FILE]\n", stderr);
            return 2;
        } else {
            path = argument;
        }
    }
    if (with_handshake && !from_client) {
        std::fputs("frame_dump: --handshake reads a request, so it needs --client\n", stderr);
        return 2;
    }
    std::FILE* const file = path == nullptr ? stdin : std::fopen(path, "rb");
    if (file == nullptr) {
        std::perror(path);
        return 2;
    }
    const int status = run(file, from_client, with_handshake);
    if (path != nullptr) std::fclose(file);
    return status;
}
