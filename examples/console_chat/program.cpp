// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "program.hpp"

#include "support/command_line.hpp"
#include "support/printable.hpp"

#include <framewire/error.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/rfc6455.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <ios>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <strings.h>
#include <unistd.h>

namespace example {

namespace {

constexpr char usage[] =
    "usage: console_chat [--header \"NAME: VALUE\"]... [--origin ORIGIN] [--subprotocol NAME]...\n"
    "                    [--ca FILE] [--insecure] [--proxy http://[USER:PASSWORD@]HOST[:PORT]]\n"
    "                    [--deflate] [--ping SECONDS] [--wait SECONDS] [--help] URL\n";
constexpr char help[] =
    "Connects to a WebSocket server. Each line of the standard input is a message, each message\n"
    "that comes is a line on the standard output; all else goes to the standard error.\n"
    "  --header \"NAME: VALUE\"  a field of the request, may be given several times\n"
    "  --origin ORIGIN         the web page to pass for\n"
    "  --subprotocol NAME      offered to the server, may be given several times\n"
    "  --ca FILE               trust the authorities in this file, in PEM form, and no others\n"
    "  --insecure              trust whoever answers: anybody in between can read along\n"
    "  --proxy URL             connect through this HTTP proxy\n"
    "  --deflate               offer to compress messages (permessage-deflate)\n"
    "  --ping SECONDS          ask a server that is silent for so long whether it lives; 20, if\n"
    "                          not given; 0 never does\n"
    "  --wait SECONDS          stay for so long at the end of the input, behind the answers; 0,\n"
    "                          if not given\n"
    "At the end of the input it waits for the answers, and gives up after 5 seconds in which no\n"
    "message came and nothing was sent. A line has at most 16 MiB.\n"
    "Ends with 0 after a regular end (close code 1000 or 1001, or the end of the input), 1 when "
    "the\n"
    "connection failed or broke, answers did not come, the input could not be read or, unless it\n"
    "is a terminal, a line of it could not be sent; 2 for wrong usage, 3 when the server refused\n"
    "the connection, 4 when it was closed with another code.\n";
constexpr char commands[] = "a line is a message, but for these:\n"
                            "  /ping                   how long the server takes to answer\n"
                            "  /binary FILE            sends a file as a binary message\n"
                            "  /close [CODE [REASON]]  1000, if not given\n"
                            "  /help\n"
                            "  //...                   sends /...";

bool is_terminal(int file) { return ::isatty(file) == 1; }

// https://no-color.org
bool has_colours(int file) {
    const char* const no = std::getenv("NO_COLOR");
    const char* const kind = std::getenv("TERM");
    return is_terminal(file) && (no == nullptr || *no == '\0') &&
           (kind == nullptr || std::string_view(kind) != "dumb");
}

// The terminal that is the input may be the output as well, and is non-blocking then.
void write(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(file, text.data(), text.size());
        if (size >= 0) {
            text.remove_prefix(static_cast<std::size_t>(size));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            pollfd ready{file, POLLOUT, 0};
            (void)::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

std::string line_for(int file, std::string_view colour, std::string line) {
    if (is_terminal(file)) line = printable(line, "\n\t");
    if (has_colours(file)) line = "\x1b[" + std::string(colour) + 'm' + line + "\x1b[m";
    return line + '\n';
}

std::string without_spaces(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t") + 1 - begin));
}

std::pair<std::string, std::string> header(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        throw failure(wrong_usage, "a header is \"NAME: VALUE\", not '" + std::string(text) + "'");
    }
    return {without_spaces(text.substr(0, colon)), without_spaces(text.substr(colon + 1))};
}

// RFC 3986 2.1; what is no two hexadecimal digits stays as it is.
std::string percent_decoded(std::string_view text) {
    std::string decoded;
    while (!text.empty()) {
        unsigned char byte = 0;
        const char* const digits = text.data() + 1;
        if (text.size() > 2 && text.front() == '%' &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            decoded += static_cast<char>(byte);
            text.remove_prefix(3);
        } else {
            decoded += text.front();
            text.remove_prefix(1);
        }
    }
    return decoded;
}

net::http_proxy proxy(std::string_view url) {
    const failure wrong(wrong_usage, "a proxy is http://[USER:PASSWORD@]HOST[:PORT], not '" +
                                         std::string(url) + "'");
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme)) throw wrong;
    url.remove_prefix(scheme.size());
    if (url.ends_with('/')) url.remove_suffix(1);

    net::http_proxy result;
    if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
        const std::string_view who = url.substr(0, at);
        const std::size_t colon = std::min(who.find(':'), who.size());
        result.user = percent_decoded(who.substr(0, colon));
        result.password = percent_decoded(who.substr(std::min(colon + 1, who.size())));
        url.remove_prefix(at + 1);
    }
    // Its host and port are written as those of a WebSocket server.
    const std::string server = "ws://" + std::string(url);
    const framewire::uri parts = framewire::parse_uri(server);
    if (parts.error != framewire::errc::success || !parts.target.empty()) throw wrong;
    result.host = parts.host;
    result.port = parts.port;
    return result;
}

} // namespace

settings parse(int argc, const char* const* argv) {
    settings chosen;
    // Whole messages, and lines of a file, however large: sending waits for room.
    chosen.client.stream.limits.max_output = std::uint64_t{1} << 40;
    arguments words(argc, argv);
    while (!words.empty()) {
        const std::string_view word = words.take();
        if (word == "--help" || word == "-h") {
            chosen.help = true;
        } else if (word == "--header") {
            chosen.client.headers.push_back(header(words.value_of(word)));
        } else if (word == "--origin") {
            chosen.client.origin = words.value_of(word);
        } else if (word == "--subprotocol") {
            chosen.client.subprotocols.emplace_back(words.value_of(word));
        } else if (word == "--ca") {
            chosen.client.ca_file = words.value_of(word);
        } else if (word == "--insecure") {
            chosen.client.trust_any_certificate_insecurely = true;
        } else if (word == "--deflate") {
            chosen.deflate.enabled = true;
        } else if (word == "--proxy") {
            chosen.client.proxy = proxy(words.value_of(word));
        } else if (word == "--ping") {
            chosen.client.stream.timeouts.ping =
                std::chrono::seconds(words.number_of<unsigned>(word, 0, 86'400));
        } else if (word == "--wait") {
            chosen.wait = std::chrono::seconds(words.number_of<unsigned>(word, 0, 86'400));
        } else if (word.starts_with('-')) {
            throw failure(wrong_usage, "what is '" + std::string(word) + "'?");
        } else if (!chosen.url.empty()) {
            throw failure(wrong_usage, "one URL, and not '" + std::string(word) + "' as well");
        } else {
            chosen.url = word;
        }
    }
    if (chosen.help) return chosen;
    if (chosen.url.empty()) throw failure(wrong_usage, "which URL?");
    const framewire::errc error = framewire::parse_uri(chosen.url).error;
    if (error != framewire::errc::success) {
        throw failure(wrong_usage,
                      '\'' + chosen.url + "': " + std::string(framewire::message(error)));
    }
    return chosen;
}

void open_standard_files() {
    int file = -1;
    do
        file = ::open("/dev/null", O_RDWR);
    while (file >= 0 && file <= STDERR_FILENO);
    if (file >= 0) ::close(file);
}

int say_help() {
    write(STDOUT_FILENO, usage);
    write(STDOUT_FILENO, help);
    return ended_well;
}

int say_failed(const std::exception& why) {
    const auto* const known = dynamic_cast<const failure*>(&why);
    write(STDERR_FILENO, "console_chat: " + std::string(why.what()) + '\n');
    if (known == nullptr) return failed;
    if (known->code() == wrong_usage) write(STDERR_FILENO, usage);
    return known->code();
}

std::optional<std::string> contents_of(const std::string& name) {
    try {
        std::ifstream file;
        file.exceptions(std::ios::badbit | std::ios::failbit);
        file.open(name, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    } catch (const std::ios::failure&) {
        return std::nullopt;
    }
}

std::string shown(const net::message& received) {
    if (received.is_text()) return line_for(STDOUT_FILENO, "36", std::string(received.text()));
    constexpr std::size_t most = 16;
    std::string line = "(" + std::to_string(received.payload.size()) + " bytes:";
    for (const std::byte byte : received.payload.first(std::min(most, received.payload.size())))
        line += ' ' + hex(static_cast<unsigned char>(byte));
    return line_for(STDOUT_FILENO, "35", line + (received.payload.size() > most ? " ...)" : ")"));
}

void say(std::string_view status) {
    write(STDERR_FILENO, line_for(STDERR_FILENO, "2", "# " + std::string(status)));
}

bool input_is_terminal() { return is_terminal(STDIN_FILENO); }

void say_commands() { say(commands); }

void say_refused(const net::http_response& response) {
    std::string text = "refused: " + std::to_string(response.status) + ' ' + response.reason;
    for (const auto& [name, value] : response.headers) {
        for (const char* const telling :
             {"Location", "WWW-Authenticate", "Retry-After", "Allow", "Sec-WebSocket-Version",
              "Sec-WebSocket-Protocol", "Server", "Content-Type"}) {
            if (::strcasecmp(name.c_str(), telling) != 0) continue;
            text += '\n';
            text += name;
            text += ": ";
            text += value;
        }
    }
    if (!response.body.empty()) text += "\n\n" + printable(response.body, "\n\t");
    say(text);
}

void say_closed(const net::close_info& how) {
    std::string line = "closed, " + std::to_string(static_cast<int>(how.code));
    if (how.by_peer) line += " by the server";
    if (!how.reason.empty()) line += ", \"" + printable(how.reason) + '"';
    if (how.error) line += ", " + how.error.message();
    say(line);
}

} // namespace example
