// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The cases of the Autobahn test suite that need no extension and no clock, 1 to 7 and 10, against
// an echo endpoint without a socket: each case in both roles, and in pieces of several sizes. What
// Autobahn calls non-strict fails here.

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

struct autobahn_case {
    std::string id;
    std::string actions;
    std::string expected; // what the endpoint has to send, apart from its Close
    std::vector<unsigned> close_codes;
    bool clean = false; // the closing handshake has to be complete
};

// One action of the peer: `F(op=1 fin=1 len=5 48656c6c6f chop=1)` and the like.
struct action {
    std::string name;
    std::map<std::string, std::string> values; // "op" -> "1"
    std::string payload;

    [[nodiscard]] bool has(const std::string& key) const { return values.count(key) != 0; }
    [[nodiscard]] std::size_t number(const std::string& key, std::size_t otherwise = 0) const {
        return has(key) ? static_cast<std::size_t>(std::stoull(values.at(key))) : otherwise;
    }
};

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> out(1);
    int depth = 0;
    for (const char c : text) {
        if (c == '(') ++depth;
        if (c == ')') --depth;
        if (c == separator && depth == 0) {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

// `48656c6c6f`, `""`, or `2a2a2a2a*..[125]`: octets that are repeated up to a size.
std::string payload_of(const std::string& text, std::optional<std::size_t> size = {}) {
    if (text == "\"\"" || text == "-") return {};
    const std::size_t star = text.find('*');
    std::string out = text_of(from_hex(text.substr(0, star)));
    if (star != std::string::npos) size = std::stoul(text.substr(text.find('[') + 1));
    const std::string pattern = out;
    while (size && out.size() < *size)
        out += pattern;
    if (size) out.resize(*size);
    return out;
}

action parse_action(const std::string& text) {
    action out;
    const std::size_t open = text.find('(');
    out.name = text.substr(0, open);
    if (open == std::string::npos) return out;
    std::string digits = "\"\"";
    for (const std::string& part : split(text.substr(open + 1, text.size() - open - 2), ' ')) {
        const std::size_t equals = part.find('=');
        if (equals != std::string::npos) {
            out.values[part.substr(0, equals)] = part.substr(equals + 1);
        } else if (part == "txt" || part == "bin" || part == "sync") {
            out.values[part] = "1";
        } else {
            digits = part;
        }
    }
    if (out.name == "beginFrame" || out.name == "CLOSE" || out.name == "WAIT") {
        out.values["number"] = digits;
    } else if (out.name != "CLOSEFRAME") {
        out.payload = out.has("len") ? payload_of(digits, out.number("len")) : payload_of(digits);
    }
    return out;
}

std::vector<action> parse_actions(const std::string& text) {
    std::vector<action> out;
    for (const std::string& part : split(text, ' '))
        out.push_back(parse_action(part));
    return out;
}

// `[pong(70) msg(txt,48)]` in the words of support/trace.hpp; `timeoutA` stays as it is.
std::string expected_words(const std::string& list) {
    std::string out;
    for (const std::string& item : split(list.substr(1, list.size() - 2), ' ')) {
        if (item.empty()) continue;
        const std::size_t open = item.find('(');
        std::string word = item;
        if (open != std::string::npos) {
            const std::string inner = item.substr(open + 1, item.size() - open - 2);
            const bool pong = item.substr(0, open) == "pong";
            const bool text = inner.substr(0, 4) == "txt,";
            word = pong ? "pong" : text ? "text" : "binary";
            word += "(\"" + shown(payload_of(pong ? inner : inner.substr(4))) + "\")";
        }
        out += (out.empty() ? "" : " ") + word;
    }
    return out;
}

const std::vector<autobahn_case>& cases() {
    static const std::vector<autobahn_case> all = [] {
        std::vector<autobahn_case> out;
        std::ifstream file(FRAMEWIRE_AUTOBAHN_CASES);
        for (std::string line; std::getline(file, line);) {
            if (line.empty() || line[0] == '#') continue;
            const std::vector<std::string> columns = split(line, '\t');
            if (columns.size() != 7) throw std::runtime_error("columns of " + line);
            autobahn_case c;
            c.id = columns[0];
            c.actions = columns[1];
            c.expected = expected_words(columns[2]);
            for (const std::string& code :
                 split(columns[5].substr(1, columns[5].size() - 2), ',')) {
                c.close_codes.push_back(static_cast<unsigned>(std::stoul(code)));
            }
            c.clean = columns[6] == "True";
            out.push_back(c);
        }
        return out;
    }();
    return all;
}

// The code that the endpoint's Close has to carry; 0 for an empty Close.
unsigned strict_code(const autobahn_case& c) {
    if (c.id == "7.3.1") return 0;                     // an empty Close answers an empty one
    if (c.id == "7.5.1") return 1007;                  // 1002 would do for Autobahn
    if (c.id.compare(0, 5, "7.13.") == 0) return 1002; // informational for Autobahn
    return c.close_codes.back();                       // 7.7.*: the peer's own code
}

// The peer and the endpoint under test, and the log of what the endpoint sent.
template <class Endpoint> class session {
public:
    session(const autobahn_case& c, std::size_t piece)
        : case_(c), piece_(piece), writer_(Endpoint::side) {}

    std::string run() {
        const std::vector<action> actions = parse_actions(case_.actions);
        for (std::size_t i = 0; i < actions.size(); ++i)
            take(actions, i);
        flush();
        const bool failed = end_->close_expected() && !end_->close_received();
        if (!failed && !peer_closed_) { // all is well: the peer closes
            writer_.close(1000);
            flush();
        }
        end_.eof();
        if (end_.told().find("failed(1006") != std::string::npos) log("lost");
        if (!end_->should_shut_down()) log("no-shut-down");
        if (end_->close_received() && end_->close_sent()) log("clean");
        return log_;
    }

private:
    void take(const std::vector<action>& actions, std::size_t i) {
        const action& a = actions[i];
        if (a.name == "F") {
            const std::size_t first = a.number("fin") << 7 | a.number("rsv") << 4 | a.number("op");
            writer_.frame(static_cast<unsigned>(first), a.payload);
        } else if (a.name == "MSG") {
            send_message(a);
        } else if (a.name == "CLOSE" || a.name == "CLOSEFRAME") {
            send_close(a);
        } else if (a.name == "beginFrame") {
            // The header announces what several data actions bring.
            std::string whole;
            for (const action& later : actions) {
                if (later.name == "data") whole += later.payload;
            }
            if (whole.size() != a.number("number")) throw std::runtime_error("beginFrame");
            writer_.frame(0x01, whole);
            held_back_ = whole.size();
        } else if (a.name == "data") {
            held_back_ -= a.payload.size();
        } else if (a.name == "endMsg") {
            writer_.frame(0x80);
        } else if (a.name == "WAIT") {
            flush();
            const bool timed = case_.expected.find("timeout") != std::string::npos;
            if (timed && !end_->close_expected()) log(waits_ == 0 ? "timeoutA" : "timeoutB");
            // 5.19: the first Ping is answered before the pause ends.
            if (!timed && log_.empty()) log("nothing before the pause");
            ++waits_;
        } else if (a.name.compare(0, 5, "kill+") != 0 && a.name.compare(0, 6, "close+") != 0 &&
                   a.name != "beginMsg") {
            throw std::runtime_error("unknown action " + a.name);
        }
    }

    void send_message(const action& a) {
        // 10.1.1 is about what the peer's own stack cuts at 1300 octets.
        const std::size_t size = a.number(
            "frag", case_.id == "10.1.1" ? 1300 : std::max<std::size_t>(a.payload.size(), 1));
        std::size_t at = 0;
        do {
            const bool last = a.payload.size() - at <= size;
            const unsigned op = at != 0 ? 0u : a.has("txt") ? 1u : 2u;
            writer_.frame((last ? 0x80u : 0u) | op, a.payload.substr(at, size));
            at += size;
        } while (at < a.payload.size());
    }

    void send_close(const action& a) {
        peer_closed_ = true;
        const std::string code = a.name == "CLOSE" ? a.values.at("number") : a.values.at("code");
        const std::string reason =
            a.has("reason") ? payload_of(a.values.at("reason")) : std::string();
        if (code == "None") {
            writer_.frame(0x88, reason);
        } else {
            writer_.close(static_cast<unsigned>(std::stoul(code)), reason);
        }
    }

    // Feeds what the peer wrote so far, and echoes.
    void flush() {
        const std::vector<std::byte> all = writer_.bytes();
        const std::size_t until = all.size() - held_back_;
        const std::span<const std::byte> fresh = std::span(all).subspan(fed_, until - fed_);
        fed_ = until;
        for (const std::span<std::byte> piece : chunks_of(fresh, std::min(piece_, all.size()))) {
            end_.feed(piece, [&](const event& e) {
                if (e.kind == event_kind::text && end_->send_text(e.payload) != errc::success) {
                    log("not-echoed");
                }
                if (e.kind == event_kind::binary && end_->send_binary(e.payload) != errc::success) {
                    log("not-echoed");
                }
            });
            wire_ += text_of(end_->output());
            end_->consume_output(end_->output().size());
        }
        for (wire_frame& frame : take_frames(wire_)) {
            if (frame.op() == 8)
                frame.payload.resize(std::min<std::size_t>(2, frame.payload.size()));
            log(words({frame}, Endpoint::side));
        }
    }

    void log(const std::string& word) { log_ += (log_.empty() ? "" : " ") + word; }

    const autobahn_case& case_;
    std::size_t piece_;
    Endpoint end_;
    frame_writer writer_;
    std::string wire_;
    std::string log_;
    std::size_t fed_ = 0;
    std::size_t held_back_ = 0; // octets at the end of what was written that are not sent yet
    int waits_ = 0;
    bool peer_closed_ = false;
};

template <class Endpoint> void check_case(const autobahn_case& c) {
    std::string expected = c.expected;
    if (c.id == "7.1.6") { // informational for Autobahn; here both echoes stand before the Close
        expected = "text(\"" + shown(payload_of("4241736437266a683233", std::size_t{262144})) +
                   "\") " + expected;
    }
    const unsigned code = strict_code(c);
    expected += expected.empty() ? "" : " ";
    expected += code == 0 ? "close()" : "close(" + std::to_string(code) + " \"\")";
    if (c.clean) expected += " clean";

    std::vector<std::size_t> pieces{1, 2, 3, 7, static_cast<std::size_t>(-1)};
    for (const action& a : parse_actions(c.actions)) {
        if (a.number("chop") > 1) pieces.push_back(a.number("chop"));
    }
    for (const std::size_t piece : pieces) {
        const std::string got = session<Endpoint>(c, piece).run();
        if (got == expected) continue;
        FAIL_CHECK(
            "autobahn " << c.id << " as " << (Endpoint::side == role::server ? "server" : "client")
                        << " in pieces of " << piece << ": " << got << " instead of " << expected);
    }
}

void check_group(const std::string& group, std::size_t advertised) {
    std::size_t run = 0;
    for (const autobahn_case& c : cases()) {
        if (c.id.substr(0, c.id.find('.')) != group) continue;
        ++run;
        check_case<server>(c);
        check_case<client>(c);
    }
    CHECK(run == advertised);
}

} // namespace

TEST_CASE("autobahn: no case is missing", "[autobahn]") { CHECK(cases().size() == 247); }

TEST_CASE("autobahn: 1, framing", "[autobahn][rfc6455-5.2]") { check_group("1", 16); }
TEST_CASE("autobahn: 2, pings and pongs", "[autobahn][rfc6455-5.5.2]") { check_group("2", 11); }
TEST_CASE("autobahn: 3, reserved bits", "[autobahn][rfc6455-5.2]") { check_group("3", 7); }
TEST_CASE("autobahn: 4, opcodes", "[autobahn][rfc6455-5.2]") { check_group("4", 10); }
TEST_CASE("autobahn: 5, fragmentation", "[autobahn][rfc6455-5.4]") { check_group("5", 20); }
TEST_CASE("autobahn: 6, UTF-8", "[autobahn][rfc6455-8.1]") { check_group("6", 145); }
TEST_CASE("autobahn: 7, closing", "[autobahn][rfc6455-7.1]") { check_group("7", 37); }
TEST_CASE("autobahn: 10, fragments of the peer's stack", "[autobahn]") { check_group("10", 1); }
