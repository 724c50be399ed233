// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Reads autobahn_cases.tsv: what the peer of each case does, and what it wants to see.

#ifndef FRAMEWIRE_TESTS_CONFORMANCE_AUTOBAHN_TABLE_HPP
#define FRAMEWIRE_TESTS_CONFORMANCE_AUTOBAHN_TABLE_HPP

#include "support/bytes.hpp"

#include <cstddef>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace framewire::test {

/// One action of the peer: `F(op=1 fin=1 len=5 48656c6c6f chop=1)` and the like.
struct autobahn_action {
    std::string name;
    std::map<std::string, std::string> values; ///< "op" -> "1"
    std::string payload;

    [[nodiscard]] bool has(const std::string& key) const { return values.count(key) != 0; }
    [[nodiscard]] std::size_t number(const std::string& key, std::size_t otherwise = 0) const {
        return has(key) ? static_cast<std::size_t>(std::stoull(values.at(key))) : otherwise;
    }
};

/// What the endpoint has to send: a Pong or a message, or that a pause passed without anything.
struct autobahn_event {
    std::string name; ///< "pong", "text", "binary", or "timeoutA", "timeoutB".
    std::string payload;
};

struct autobahn_case {
    std::string id;
    std::vector<autobahn_action> actions;
    std::vector<autobahn_event> expected; ///< Apart from its Close.
    std::vector<unsigned> close_codes;
    bool clean = false; ///< The closing handshake has to be complete.

    [[nodiscard]] std::string group() const { return id.substr(0, id.find('.')); }
};

namespace autobahn {

/// Cuts at each separator that is not in parentheses.
inline std::vector<std::string> split(const std::string& text, char separator) {
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

/// `48656c6c6f`, `""`, or `2a2a2a2a*..[125]`: octets that are repeated up to a size.
inline std::string payload_of(const std::string& text, std::optional<std::size_t> size = {}) {
    if (text == "\"\"" || text == "-") return {};
    const std::size_t star = text.find('*');
    const std::string pattern = text_of(from_hex(text.substr(0, star)));
    if (star != std::string::npos) size = std::stoul(text.substr(text.find('[') + 1));
    if (!size) return pattern;
    std::string out;
    out.reserve(*size + pattern.size());
    while (out.size() < *size)
        out += pattern;
    out.resize(*size);
    return out;
}

inline autobahn_action parse_action(const std::string& text) {
    autobahn_action out;
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

/// `pong(70)`, `msg(txt,48)` or `timeoutA`.
inline autobahn_event parse_event(const std::string& text) {
    const std::size_t open = text.find('(');
    if (open == std::string::npos) return {text, {}};
    const std::string inner = text.substr(open + 1, text.size() - open - 2);
    if (text.substr(0, open) == "pong") return {"pong", payload_of(inner)};
    return {inner.substr(0, 4) == "txt," ? "text" : "binary", payload_of(inner.substr(4))};
}

} // namespace autobahn

/// All rows of the table.
inline std::vector<autobahn_case> read_autobahn_table(const char* path) {
    std::vector<autobahn_case> out;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        const std::vector<std::string> columns = autobahn::split(line, '\t');
        if (columns.size() != 7) throw std::runtime_error("columns of " + line);
        autobahn_case c;
        c.id = columns[0];
        for (const std::string& part : autobahn::split(columns[1], ' '))
            c.actions.push_back(autobahn::parse_action(part));
        for (const std::string& part :
             autobahn::split(columns[2].substr(1, columns[2].size() - 2), ' ')) {
            if (!part.empty()) c.expected.push_back(autobahn::parse_event(part));
        }
        for (const std::string& code :
             autobahn::split(columns[5].substr(1, columns[5].size() - 2), ',')) {
            c.close_codes.push_back(static_cast<unsigned>(std::stoul(code)));
        }
        c.clean = columns[6] == "True";
        out.push_back(c);
    }
    return out;
}

} // namespace framewire::test

#endif
