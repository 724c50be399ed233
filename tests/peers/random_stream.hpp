// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Random messages, and what became of them, for the programs of the differential test:
//
//     random_PEER client URL SEED MESSAGES [deflate [NAME[=NUMBER]]...]
//     random_PEER server SEED [deflate [NAME[=NUMBER]]...]
//
// The client sends random messages, and compares each with its echo. The server serves one client,
// and sends each message back, cut up and compressed in a random way of its own. Both ping each
// other in between. The same seed gives the same messages; random_ws.js has others. After `deflate`
// stand the members of `deflate_wishes`.

#ifndef FRAMEWIRE_TESTS_PEERS_RANDOM_STREAM_HPP
#define FRAMEWIRE_TESTS_PEERS_RANDOM_STREAM_HPP

#include "conversation.hpp"
#include "obedience.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace peers {

// std::mt19937 gives the same numbers everywhere; the standard distributions do not.
class dice {
public:
    explicit dice(std::uint32_t seed) : engine_(seed) {}
    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool one_in(std::size_t n) { return below(n) == 0; }

private:
    std::mt19937 engine_;
};

struct deflate_wishes {
    bool enabled = false;
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
    int server_max_window_bits = 15;
    int client_max_window_bits = 15;
    int level = 6;
    int memory_level = 8;
    int threshold = 0;
};

/// How a Pong begins that answers no Ping.
inline constexpr char unasked = '!';

/// A Ping, or a Pong that answers none.
struct control {
    bool ping;
    std::string payload;
};

/// A part of a message, and what is sent before it.
struct fragment {
    std::vector<control> before;
    std::size_t begin;
    std::size_t end;
};

struct random_message {
    bool text;
    bool compress;
    std::string bytes;
    std::vector<fragment> fragments; // one: it is not fragmented

    [[nodiscard]] std::string_view part(const fragment& f) const {
        return std::string_view(bytes).substr(f.begin, f.end - f.begin);
    }
    [[nodiscard]] std::string description() const {
        std::string words = std::to_string(bytes.size()) + (text ? " bytes of text" : " bytes");
        if (compress) words += ", which may be compressed";
        if (fragments.size() == 1) return words;
        words += ", in fragments:";
        for (const fragment& f : fragments)
            words += ' ' + std::to_string(f.end - f.begin);
        return words;
    }
};

/// Decides how a message goes out.
inline void cut_up(random_message& message, dice& roll) {
    message.compress = !roll.one_in(4);
    const std::size_t size = message.bytes.size();
    // Mostly small fragments, so that many of them end within a character; but not too many.
    static constexpr std::size_t longest[] = {4, 30, 130, 5000, 66'000};
    const std::size_t bound = std::max(longest[roll.below(5)], size / 20);
    const bool whole = roll.one_in(2);
    std::size_t at = 0;
    for (bool last = false; !last;) {
        fragment next{{}, at, whole ? size : std::min(size, at + roll.below(bound))};
        while (roll.one_in(whole ? 10 : 5)) {
            std::string payload(roll.below(126), '\0');
            for (char& c : payload)
                c = static_cast<char>(roll.below(256));
            const bool ping = !roll.one_in(3);
            if (ping && !payload.empty() && payload[0] == unasked) payload[0] = 0;
            if (!ping) payload.replace(0, 1, {unasked});
            next.before.push_back({ping, std::move(payload)});
        }
        at = next.end;
        // The last one may be empty.
        last = at == size && (whole || !roll.one_in(4));
        message.fragments.push_back(std::move(next));
    }
}

/// What is to be sent. Parts of it resemble what was sent before, at distances that are within the
/// window of a compressor and beyond it.
class message_source {
public:
    explicit message_source(dice& roll) : roll_(roll) {}

    random_message next() {
        const bool text = roll_.one_in(2);
        random_message message{text, false, content(text, size()), {}};
        cut_up(message, roll_);
        std::string& history = history_[text];
        history += message.bytes;
        if (history.size() > 4 * furthest) {
            std::size_t cut = history.size() - furthest;
            while (text && !begins_character(history[cut]))
                ++cut;
            history.erase(0, cut);
        }
        return message;
    }

private:
    static constexpr std::size_t furthest = 40'000;

    std::size_t size() {
        static constexpr std::size_t edges[] = {0, 1, 125, 126, 127};
        if (roll_.one_in(300)) return roll_.below(300 << 10);
        if (roll_.one_in(60)) return 65'535 + roll_.below(2);
        if (roll_.one_in(4)) return edges[roll_.below(5)];
        return roll_.below(roll_.one_in(3) ? 3000 : 60);
    }

    static bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

    void add_characters(std::string& to, std::size_t count, bool text) {
        for (; count > 0; --count) {
            const auto c = static_cast<unsigned>(roll_.below(256));
            if (!text) {
                to += static_cast<char>(c);
            } else if (c < 16) { // U+10000 and above
                const auto more = static_cast<unsigned>(roll_.below(0x100000)) + 0x10000;
                to += static_cast<char>(0xF0 | (more >> 18));
                to += static_cast<char>(0x80 | ((more >> 12) & 0x3F));
                to += static_cast<char>(0x80 | ((more >> 6) & 0x3F));
                to += static_cast<char>(0x80 | (more & 0x3F));
            } else if (c < 40) { // U+1000 and above, below the surrogates
                const auto more = static_cast<unsigned>(roll_.below(0xC800)) + 0x1000;
                to += static_cast<char>(0xE0 | (more >> 12));
                to += static_cast<char>(0x80 | ((more >> 6) & 0x3F));
                to += static_cast<char>(0x80 | (more & 0x3F));
            } else if (c < 64) { // U+0080 and above
                const auto more = static_cast<unsigned>(roll_.below(0x780)) + 0x80;
                to += static_cast<char>(0xC0 | (more >> 6));
                to += static_cast<char>(0x80 | (more & 0x3F));
            } else {
                to += static_cast<char>(c & 0x7F);
            }
        }
    }

    void add_copy(std::string& to, const std::string& from, std::size_t size, bool text) {
        if (from.empty()) return;
        std::size_t begin = roll_.below(from.size());
        std::size_t end = std::min(from.size(), begin + size);
        while (text && begin < end && !begins_character(from[begin]))
            ++begin;
        while (text && end > begin && end < from.size() && !begins_character(from[end]))
            --end;
        to += std::string(from, begin, end - begin); // they may be the same string
    }

    std::string content(bool text, std::size_t size) {
        std::string result;
        while (result.size() < size) {
            const std::size_t some = 1 + roll_.below(16 + size / 4);
            switch (roll_.below(4)) {
            case 0: add_characters(result, some, text); break;
            case 1: result.append(some, static_cast<char>('a' + roll_.below(26))); break;
            case 2: add_copy(result, result, some, text); break;
            case 3: add_copy(result, history_[text], some, text); break;
            }
        }
        std::size_t end = size;
        while (text && end > 0 && end < result.size() && !begins_character(result[end]))
            --end;
        result.resize(end);
        result.resize(size, '.');
        return result;
    }

    dice& roll_;
    std::string history_[2];
};

/// Each Pong answers a Ping, in their order, and the last Ping is answered. Others need not be,
/// when a later one is (RFC 6455 5.5.3).
class ping_watch {
public:
    void sent(const std::string& payload) {
        waiting_.push_back(payload);
        last_ = payload;
    }
    void answered(std::string_view payload) {
        if (!payload.empty() && payload[0] == unasked) return;
        while (!waiting_.empty() && waiting_.front() != payload)
            waiting_.pop_front();
        check(!waiting_.empty(), "a Pong that answers no Ping");
        waiting_.pop_front();
        answered_ = payload;
    }
    void check_all_answered() {
        check(answered_ == last_, "a Ping was not answered");
        waiting_.clear();
    }

private:
    std::deque<std::string> waiting_;
    std::string last_;
    std::string answered_;
};

/// What a client says: batch after batch of messages. It waits for the echoes of one before it
/// sends the next.
class random_talk {
public:
    random_talk(std::uint32_t seed, std::size_t messages)
        : seed_(seed), messages_(messages), roll_(seed), source_(roll_) {}

    /// Makes the messages to send next, and returns them: none at the end.
    const std::vector<random_message>& next_batch() {
        check(!waits(), "an echo is missing");
        batch_.clear();
        echoes_ = 0;
        // What both sides write at the same time fits into the buffers of sockets: a program may
        // write all of it before it reads.
        std::size_t size = 0;
        for (std::size_t many = 1 + roll_.below(12);
             many > 0 && size < 32'768 && right_ + batch_.size() < messages_; --many) {
            batch_.push_back(source_.next());
            size += batch_.back().bytes.size();
        }
        return batch_;
    }
    [[nodiscard]] const std::vector<random_message>& batch() const { return batch_; }
    [[nodiscard]] bool waits() const { return echoes_ < batch_.size(); }

    void got(bool text, std::string_view bytes) {
        check(waits(), "a message more than was sent");
        const random_message& sent = batch_[echoes_];
        check(text == sent.text, text ? "the echo is text" : "the echo is not text");
        const auto [here, there] =
            std::mismatch(bytes.begin(), bytes.end(), sent.bytes.begin(), sent.bytes.end());
        if (here != bytes.end() || there != sent.bytes.end()) {
            check(false, "the echo has " + std::to_string(bytes.size()) +
                             " bytes, and differs from byte " +
                             std::to_string(here - bytes.begin()) + " on");
        }
        ++echoes_;
        ++right_;
    }

    void say_all_right(bool compressed) const {
        check(right_ == messages_, "the number of messages");
        std::printf("%zu messages are right, %s permessage-deflate\n", right_,
                    compressed ? "with" : "without");
    }
    void say_wrong(const char* why) const {
        std::printf("seed %u, message %zu: %s\n", static_cast<unsigned>(seed_), right_ + 1, why);
        if (waits()) std::printf("it was: %s\n", batch_[echoes_].description().c_str());
    }

    ping_watch pings;

private:
    std::uint32_t seed_;
    std::size_t messages_;
    dice roll_;
    message_source source_;
    std::vector<random_message> batch_;
    std::size_t echoes_ = 0; // of this batch
    std::size_t right_ = 0;
};

/// What a server says.
class random_echo {
public:
    explicit random_echo(std::uint32_t seed) : roll_(seed) {}
    random_message of(bool text, std::string_view bytes) {
        random_message message{text, false, std::string(bytes), {}};
        cut_up(message, roll_);
        return message;
    }

    ping_watch pings;

private:
    dice roll_;
};

/// Sends a message by `send(part, first, last)` and `send_control(control)`.
template <typename Send, typename SendControl>
void send_parts(const random_message& message, Send send, SendControl send_control) {
    for (const fragment& f : message.fragments) {
        for (const control& c : f.before)
            send_control(c);
        send(message.part(f), &f == &message.fragments.front(), &f == &message.fragments.back());
    }
}

inline deflate_wishes parse_deflate(int argc, const char* const* argv) {
    using wishes = deflate_wishes;
    static const std::map<std::string_view, bool wishes::*> flags{
        {"deflate", &wishes::enabled},
        {"server_no_context_takeover", &wishes::server_no_context_takeover},
        {"client_no_context_takeover", &wishes::client_no_context_takeover},
    };
    static const std::map<std::string_view, int wishes::*> values{
        {"server_max_window_bits", &wishes::server_max_window_bits},
        {"client_max_window_bits", &wishes::client_max_window_bits},
        {"level", &wishes::level},
        {"memory_level", &wishes::memory_level},
        {"threshold", &wishes::threshold},
    };
    deflate_wishes result;
    for (int i = 0; i < argc; ++i) {
        const std::string_view word = argv[i];
        const std::string_view name = word.substr(0, word.find('='));
        const int number = name == word ? 0 : std::atoi(argv[i] + name.size() + 1);
        const auto flag = flags.find(name);
        const auto value = values.find(name);
        check(flag != flags.end() || value != values.end(), "the command line");
        if (flag != flags.end()) result.*flag->second = true;
        if (value != values.end()) result.*value->second = number;
    }
    return result;
}

inline std::uint32_t parse_seed(const char* word) {
    return static_cast<std::uint32_t>(std::strtoul(word, nullptr, 10));
}

/// `talk_to(url, talk, deflate)` has the conversation and returns whether permessage-deflate was
/// agreed on.
template <typename Function>
int random_client_main(int argc, const char* const* argv, Function talk_to) {
    if (argc < 5) return 2;
    const auto messages = static_cast<std::size_t>(std::strtoull(argv[4], nullptr, 10));
    random_talk talk(parse_seed(argv[3]), messages);
    try {
        talk.say_all_right(talk_to(argv[2], talk, parse_deflate(argc - 5, argv + 5)));
        return 0;
    } catch (const std::exception& error) {
        talk.say_wrong(error.what());
        return 1;
    }
}

/// `serve(echo, deflate)` says its port and how the connection closed.
template <typename Function>
int random_server_main(int argc, const char* const* argv, Function serve) {
    if (argc < 3) return 2;
    random_echo echo(parse_seed(argv[2]));
    try {
        serve(echo, parse_deflate(argc - 3, argv + 3));
        echo.pings.check_all_answered();
        return 0;
    } catch (const std::exception& error) {
        say_failed(error.what());
        return 1;
    }
}

template <typename Client, typename Server>
int random_main(int argc, const char* const* argv, Client talk_to, Server serve) {
    const std::string_view role = argc > 1 ? argv[1] : "";
    if (role == "client") return random_client_main(argc, argv, talk_to);
    if (role == "server") return random_server_main(argc, argv, serve);
    return 2;
}

} // namespace peers

#endif
