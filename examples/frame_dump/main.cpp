// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Prints the frames that a WebSocket peer sent, and what they mean, from raw bytes.
//
// What to learn here: the protocol core does no I/O. Bytes come from wherever you have them, here
// from standard input or a file. `frame_decoder` takes single frames apart; `connection` knows how
// they belong together and tells events; what it wants to answer waits in `output()`, which this
// program only counts. `server_handshake` takes the HTTP request off the front.

#include <framewire/framewire.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace framewire;

int as_int(std::string_view text) { return static_cast<int>(text.size()); }

constexpr char usage[] =
    "usage: frame_dump [--client [--handshake]] [FILE]\n"
    "Prints the frames in the bytes that a WebSocket server sent, and the events they make.\n"
    "  --client     the bytes are those of a client: masked frames\n"
    "  --handshake  they begin with the client's HTTP request\n"
    "Without FILE, or for -, the standard input is read. Try\n"
    "  printf '\\201\\005Hello' | frame_dump\n"
    "Ends with 0 when the connection was closed as it should be, 1 when not, 2 for wrong usage.\n";

// The beginning of a payload, with nothing in it that a terminal would obey.
std::string preview(const event& e) {
    std::string out;
    const std::string_view text = utf8_prefix(e.text(), 60);
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool shown =
            e.kind == event_kind::text ? byte >= 0x20 && byte != 0x7F : byte >= 0x20 && byte < 0x7F;
        // U+0080 to U+009F are control characters, too: C2 and a byte below A0.
        const bool control = byte >= 0x80 && byte < 0xA0 && !out.empty() && out.back() == '\xC2';
        if (control) out.pop_back();
        out += shown && !control ? c : '.';
    }
    return text.size() < e.payload.size() ? out + "..." : out;
}

std::string_view name_of(event_kind kind) {
    switch (kind) {
    case event_kind::text: return "text";
    case event_kind::binary: return "binary";
    case event_kind::ping: return "ping";
    case event_kind::pong: return "pong";
    case event_kind::close: return "close";
    default: return "failed";
    }
}

void print(const event& e) {
    if (e.kind == event_kind::need_data) return;
    const std::string_view name = name_of(e.kind);
    std::printf("%-6.*s ", as_int(name), name.data());
    if (e.kind == event_kind::failed) {
        const std::string_view why = message(e.error);
        std::printf("%.*s (close code %d)\n", as_int(why), why.data(), static_cast<int>(e.code));
    } else if (e.kind == event_kind::close) {
        std::printf("%d %s\n", static_cast<int>(e.code), preview(e).c_str());
    } else {
        std::printf("%zu bytes: %s\n", e.payload.size(), preview(e).c_str());
    }
}

// Prints the headers of the frames in `in`. The connection will see the same bytes, and both unmask
// what they decode, so this one works on a copy.
template <role Role> void print_frames(frame_decoder<Role>& decoder, std::vector<std::byte> copy) {
    std::span<std::byte> in = copy;
    for (;;) {
        const decoded item = decoder.next(in);
        if (item.kind == decoded_kind::need_data || item.kind == decoded_kind::error) return;
        if (item.kind != decoded_kind::header) continue;
        const frame_header& h = item.header;
        std::printf("  frame opcode %d%s rsv %d%s, %llu bytes\n", static_cast<int>(h.op),
                    h.fin ? ", fin," : ",", static_cast<int>(h.rsv), h.masked ? ", masked" : "",
                    static_cast<unsigned long long>(h.payload_size));
    }
}

// Feeds the connection until it has said its last word.
template <role Role> bool dump(connection<Role>& self, std::FILE* file, std::vector<std::byte> in) {
    frame_decoder<Role> decoder;
    std::size_t answered = 0;
    const auto count_answers = [&] {
        answered += self.output().size();
        self.consume_output(self.output().size());
    };
    for (;;) {
        print_frames(decoder, in);
        std::span<std::byte> bytes = in;
        for (event e = self.next(bytes); e.kind != event_kind::need_data; e = self.next(bytes)) {
            print(e);
        }
        count_answers();
        in.resize(65536);
        in.resize(std::fread(in.data(), 1, in.size(), file));
        if (in.empty()) break;
    }
    self.receive_eof();
    std::span<std::byte> nothing;
    print(self.next(nothing));
    count_answers();
    std::printf("the other side would have answered with %zu bytes\n", answered);
    return self.close_received();
}

// Takes the request off the front of the input; what stands behind it is left in `buffer`.
bool read_request(std::FILE* file, std::vector<std::byte>& buffer) {
    std::array<char, 16384> head{};
    server_handshake handshake(head);
    while (handshake.status() == handshake_status::need_data) {
        buffer.resize(65536);
        buffer.resize(std::fread(buffer.data(), 1, buffer.size(), file));
        if (buffer.empty()) {
            std::puts("failed the input ends inside the request");
            return false;
        }
        std::span<std::byte> in = buffer;
        (void)handshake.feed(in);
        buffer.erase(buffer.begin(), buffer.end() - static_cast<std::ptrdiff_t>(in.size()));
    }
    if (handshake.status() == handshake_status::failed) {
        // The body of the answer says what was wrong, and in which line.
        std::array<char, 1024> answer{};
        const written text = handshake.write_reject(answer, handshake.rejection());
        std::printf("failed; the answer would be\n%.*s", static_cast<int>(text.size),
                    answer.data());
        return false;
    }
    const std::string_view target = handshake.request().target;
    const std::string_view host = handshake.request().host;
    std::printf("opens  %.*s on %.*s\n", as_int(target), target.data(), as_int(host), host.data());
    return true;
}

bool run(std::FILE* file, bool from_client, bool with_handshake) {
    std::vector<std::byte> start;
    if (with_handshake && !read_request(file, start)) return false;
    // Whoever reads what a client sent plays the server, and the other way round.
    if (from_client) {
        connection<role::server> server;
        return dump(server, file, std::move(start));
    }
    // The answers are never sent, so these keys need not be secret. Yours do: see
    // masking_key_source.
    constexpr std::array<std::byte, 32> seed{};
    masking_key_source keys(seed);
    connection<role::client> client(keys);
    return dump(client, file, std::move(start));
}

} // namespace

int main(int argc, char** argv) {
    bool from_client = false;
    bool with_handshake = false;
    const char* path = "-";
    for (const char* argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
        const std::string_view a = argument;
        if (a == "--help") {
            std::fputs(usage, stdout);
            return 0;
        }
        if (a == "--client") {
            from_client = true;
        } else if (a == "--handshake") {
            with_handshake = true;
        } else if (a != "-" && (a.starts_with("-") || path != std::string_view("-"))) {
            std::fprintf(stderr, "frame_dump: cannot make sense of %s\n%s", argument, usage);
            return 2;
        } else {
            path = argument;
        }
    }
    if (with_handshake && !from_client) {
        std::fprintf(stderr, "frame_dump: --handshake reads a request, so it needs --client\n");
        return 2;
    }
    const bool from_stdin = path == std::string_view("-");
    std::FILE* const file = from_stdin ? stdin : std::fopen(path, "rb");
    if (file == nullptr) {
        std::perror(path);
        return 2;
    }
    const bool closed = run(file, from_client, with_handshake);
    const bool readable = std::ferror(file) == 0;
    if (!readable) std::perror(path);
    if (!from_stdin) std::fclose(file);
    return !readable ? 2 : closed ? 0 : 1;
}
