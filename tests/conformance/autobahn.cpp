// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// autobahn_table <autobahn_cases.tsv> <number of cases>
//
// Every case of the Autobahn test suite but those of groups 12 and 13 (which are many messages of
// other people's files) against an echo endpoint without a socket: in both roles, in pieces of 1,
// 2, 3, 7 octets, of the size that the case chops into, and whole; without permessage-deflate, with
// it agreed on but not used by the peer, and with every message of the peer's compressed. What
// Autobahn calls non-strict fails here. Prints a line for each case, and ends with 1 when one of
// them failed or is missing.

#include <framewire/connection.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include "autobahn_table.hpp"
#include "support/chunker.hpp"
#include "support/peer.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>

using namespace framewire;
using namespace framewire::test;

namespace {

// What the memory checker makes too slow: the largest messages in the smallest pieces.
#if defined(__SANITIZE_ADDRESS__) || !defined(NDEBUG)
constexpr std::size_t most_pieces = 200'000;
#else
constexpr std::size_t most_pieces = static_cast<std::size_t>(-1);
#endif

enum class deflate_use { none, agreed, used };

// The peer's compressor and decompressor: zlib as it is, so that an error of ours cannot hide.
class peer_codec {
public:
    peer_codec() {
        if (deflateInit2(&out_, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
            inflateInit2(&in_, -15) != Z_OK) {
            throw std::runtime_error("zlib");
        }
    }
    peer_codec(const peer_codec&) = delete;
    peer_codec& operator=(const peer_codec&) = delete;
    ~peer_codec() {
        deflateEnd(&out_);
        inflateEnd(&in_);
    }

    // RFC 7692 7.2.1. A part of a message ends with a flush; the last part goes without its tail.
    std::string compress(std::string payload, bool last) {
        std::string out(payload.size() + payload.size() / 100 + 64, '\0');
        out_.next_in = reinterpret_cast<Bytef*>(payload.data());
        out_.avail_in = static_cast<uInt>(payload.size());
        out_.next_out = reinterpret_cast<Bytef*>(out.data());
        out_.avail_out = static_cast<uInt>(out.size());
        (void)deflate(&out_, Z_SYNC_FLUSH);
        out.resize(out.size() - out_.avail_out);
        if (!last) return out;
        // Where a flush came before, zlib has nothing to say to an empty part.
        if (out.size() < 4) return std::string(1, '\0');
        out.resize(out.size() - 4);
        return out;
    }

    // RFC 7692 7.2.2.
    std::string decompress(std::string payload) {
        payload += std::string("\0\0\xFF\xFF", 4);
        std::string out;
        std::string room(65'536, '\0');
        in_.next_in = reinterpret_cast<Bytef*>(payload.data());
        in_.avail_in = static_cast<uInt>(payload.size());
        do {
            in_.next_out = reinterpret_cast<Bytef*>(room.data());
            in_.avail_out = static_cast<uInt>(room.size());
            const int result = inflate(&in_, Z_SYNC_FLUSH);
            if (result != Z_OK && result != Z_BUF_ERROR) throw std::runtime_error("bad echo");
            out.append(room, 0, room.size() - in_.avail_out);
        } while (in_.avail_out == 0);
        return out;
    }

private:
    z_stream out_{};
    z_stream in_{};
};

// `text("abc")`; of long ones the size, and a hash that tells them apart.
std::string in_words(std::string_view name, std::string_view payload) {
    std::string out = std::string(name) + "(\"" + shown(payload.substr(0, 160)) + "\"";
    if (payload.size() > 160) {
        std::uint64_t hash = 14'695'981'039'346'656'037u; // FNV-1a
        for (const char c : payload)
            hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
        out += "... " + std::to_string(payload.size()) + " octets, " + std::to_string(hash);
    }
    return out + ")";
}

// The code that the endpoint's Close has to carry; 0 for an empty Close.
unsigned strict_code(const autobahn_case& c) {
    if (c.id == "7.3.1") return 0;                     // an empty Close answers an empty one
    if (c.id == "7.5.1") return 1007;                  // 1002 would do for Autobahn
    if (c.id.compare(0, 5, "7.13.") == 0) return 1002; // informational for Autobahn
    return c.close_codes.back();                       // 7.7.*: the peer's own code
}

// The peer and the endpoint under test, and the log of what the endpoint sent.
template <role Role> class session {
    using endpoint_type = endpoint<Role, options{}, permessage_deflate>;

public:
    session(const autobahn_case& c, std::size_t piece, deflate_use use)
        : case_(c), piece_(piece), use_(use), end_(bounds(), extension(use)) {}

    std::string run() {
        // 9.7, 9.8: one message, and the next when its echo has come.
        const bool round_trips = case_.id.starts_with("9.7") || case_.id.starts_with("9.8");
        for (int i = 0; i < (round_trips ? 1000 : 1); ++i) {
            for (std::size_t at = 0; at < case_.actions.size(); ++at)
                take(at);
            flush();
        }
        const bool failed = end_->close_expected() && !end_->close_received();
        if (!failed && !peer_closed_) { // all is well: the peer closes
            write_close(1000);
            flush();
        }
        end_.eof();
        if (end_.told().find("failed(1006") != std::string::npos) log("lost");
        if (!end_->should_shut_down()) log("no-shut-down");
        if (end_->close_received() && end_->close_sent()) log("clean");
        return log_;
    }

private:
    // The largest case has 16 MiB; what is echoed waits in the output.
    static limits bounds() { return {.max_output = 64u << 20}; }

    static permessage_deflate extension(deflate_use use) {
        if (use == deflate_use::none) return {};
        permessage_deflate out(deflate_settings{
            .server_max_window_bits = 15, .client_max_window_bits = 15, .threshold = 0});
        std::array<char, 256> answer;
        const extension_element agreed("permessage-deflate");
        const bool ok = Role == role::server
                            ? out.accept_offer(agreed, answer).error == errc::success
                            : out.accept_answer(agreed) == errc::success;
        if (!ok) throw std::runtime_error("permessage-deflate was not agreed on");
        return out;
    }

    void take(std::size_t i) {
        const autobahn_action& a = case_.actions[i];
        if (a.name == "F") {
            write_frame(a.number("op"), a.number("rsv"), a.number("fin") != 0, a.payload);
        } else if (a.name == "MSG") {
            write_message(a);
        } else if (a.name == "CLOSE" || a.name == "CLOSEFRAME") {
            write_close(a);
        } else if (a.name == "beginFrame") {
            begin_frame(i);
        } else if (a.name == "data") {
            held_back_ -= parts_.front();
            parts_.pop_front();
        } else if (a.name == "endMsg") {
            write_frame(0, 0, true, {});
        } else if (a.name == "WAIT") {
            pause();
        } else if (a.name.compare(0, 5, "kill+") != 0 && a.name.compare(0, 6, "close+") != 0 &&
                   a.name != "beginMsg") {
            throw std::runtime_error("unknown action " + a.name);
        }
    }

    // A frame as the case has it; with the extension in use, a part of a compressed message.
    void write_frame(std::size_t op, std::size_t rsv, bool fin, std::string payload) {
        if (op == 1 || op == 2) compressing_ = use_ == deflate_use::used && rsv == 0;
        const bool data = op <= 2;
        if (data && compressing_) {
            if (op != 0) rsv = rsv1;
            payload = codec_.compress(std::move(payload), fin);
        }
        if (data && fin) compressing_ = false;
        writer_.frame(static_cast<unsigned>((fin ? 0x80u : 0u) | rsv << 4 | op), payload);
    }

    void write_message(const autobahn_action& a) {
        // 10.1.1 is about what the peer's own stack cuts at 1300 octets.
        const std::size_t size = a.number(
            "frag", case_.id == "10.1.1" ? 1300 : std::max<std::size_t>(a.payload.size(), 1));
        std::size_t at = 0;
        do {
            const bool last = a.payload.size() - at <= size;
            write_frame(at != 0 ? 0 : a.has("txt") ? 1 : 2, 0, last, a.payload.substr(at, size));
            at += size;
        } while (at < a.payload.size());
    }

    // The header announces what several data actions bring.
    void begin_frame(std::size_t i) {
        std::size_t announced = 0;
        std::string whole;
        compressing_ = use_ == deflate_use::used;
        for (const autobahn_action& later : case_.actions) {
            if (later.name != "data") continue;
            announced += later.payload.size();
            const std::string part =
                compressing_ ? codec_.compress(later.payload, false) : later.payload;
            parts_.push_back(part.size());
            whole += part;
        }
        if (announced != case_.actions[i].number("number")) throw std::runtime_error("beginFrame");
        writer_.frame(compressing_ ? 0x41 : 0x01, whole);
        held_back_ = whole.size();
    }

    void write_close(const autobahn_action& a) {
        const std::string code = a.name == "CLOSE" ? a.values.at("number") : a.values.at("code");
        const std::string reason =
            a.has("reason") ? autobahn::payload_of(a.values.at("reason")) : std::string();
        if (code != "None") return write_close(static_cast<unsigned>(std::stoul(code)), reason);
        peer_closed_ = true;
        writer_.frame(0x88, reason);
    }
    void write_close(unsigned code, const std::string& reason = {}) {
        peer_closed_ = true;
        writer_.close(code, reason);
    }

    void pause() {
        flush();
        const bool timed = std::any_of(case_.expected.begin(), case_.expected.end(),
                                       [](const auto& e) { return e.name.starts_with("timeout"); });
        if (timed && !end_->close_expected()) log(waits_ == 0 ? "timeoutA" : "timeoutB");
        // 5.19: the first Ping is answered before the pause ends.
        if (!timed && log_.empty()) log("nothing before the pause");
        ++waits_;
    }

    // Feeds what the peer wrote so far, and echoes.
    void flush() {
        const std::string& all = writer_.str();
        const std::size_t until = all.size() - held_back_;
        std::size_t step = std::min(piece_, std::max<std::size_t>(until - fed_, 1));
        for (; fed_ < until; fed_ += step) {
            step = std::min(step, until - fed_);
            // Blocks of just their size, so that a step beyond is seen.
            if (step < 4096 && small_.size() != step) {
                block_ = std::make_unique<std::byte[]>(step);
                small_ = {block_.get(), step};
            }
            std::span<std::byte> piece = small_;
            if (step >= 4096) {
                block_ = std::make_unique<std::byte[]>(step);
                small_ = {};
                piece = {block_.get(), step};
            }
            std::copy_n(reinterpret_cast<const std::byte*>(all.data()) + fed_, step, piece.begin());
            end_.feed(piece, [&](const event& e) { echo(e); });
            if (!end_->output().empty()) {
                wire_ += text_of(end_->output());
                end_->consume_output(end_->output().size());
            }
        }
        for (wire_frame& frame : take_frames(wire_))
            note(frame);
    }

    void echo(const event& e) {
        errc result = errc::success;
        if (e.kind == event_kind::text) result = end_->send_text(e.payload);
        if (e.kind == event_kind::binary) result = end_->send_binary(e.payload);
        if (result != errc::success) log("not-echoed");
    }

    // In the words of the table.
    void note(wire_frame& frame) {
        if (frame.masked != (Role == role::client)) log("wrong-masking");
        const bool data = frame.op() == 1 || frame.op() == 2;
        if (data && frame.rsv() == rsv1 && use_ != deflate_use::none) {
            frame.payload = codec_.decompress(frame.payload);
        } else if (frame.rsv() != 0) {
            log("reserved-bits");
        }
        if (!frame.fin()) log("fragment");
        if (data) return log(in_words(frame.op() == 1 ? "text" : "binary", frame.payload));
        if (frame.op() == 10) return log(in_words("pong", frame.payload));
        frame.payload.resize(std::min<std::size_t>(2, frame.payload.size()));
        log(words({frame}, Role));
    }

    void log(const std::string& word) { log_ += (log_.empty() ? "" : " ") + word; }

    const autobahn_case& case_;
    const std::size_t piece_;
    const deflate_use use_;
    endpoint_type end_;
    peer_codec codec_;
    frame_writer writer_{Role};
    std::unique_ptr<std::byte[]> block_;
    std::span<std::byte> small_;
    std::string wire_;
    std::string log_;
    std::deque<std::size_t> parts_; // of the frame that comes in several
    std::size_t fed_ = 0;
    std::size_t held_back_ = 0; // octets at the end of what was written that are not sent yet
    int waits_ = 0;
    bool compressing_ = false;
    bool peer_closed_ = false;
};

// What the log has to say.
std::string expected_log(const autobahn_case& c) {
    std::string out;
    const auto add = [&](const std::string& word) { out += (out.empty() ? "" : " ") + word; };
    // Informational for Autobahn; here both echoes stand before the Close.
    if (c.id == "7.1.6") {
        add(in_words("text", autobahn::payload_of("4241736437266a683233", std::size_t{262'144})));
    }
    for (const autobahn_event& e : c.expected)
        add(e.name.starts_with("timeout") ? e.name : in_words(e.name, e.payload));
    // Group 9 looks at the time only; here every octet has to come back.
    if (c.group() == "9") {
        for (const autobahn_action& a : c.actions) {
            const bool text = a.has("txt") || a.number("op") == 1;
            const bool message = a.name == "F" || a.name == "MSG";
            const int times = a.name == "F" && c.actions.front().name != "F" ? 1000 : 1;
            for (int i = 0; message && i < times; ++i)
                add(in_words(text ? "text" : "binary", a.payload));
        }
    }
    const unsigned code = strict_code(c);
    add(code == 0 ? "close()" : "close(" + std::to_string(code) + " \"\")");
    if (c.clean) add("clean");
    return out;
}

class runner {
public:
    // True when the case is as it should be in all the ways it can be run.
    bool run(const autobahn_case& c) {
        const std::string expected = expected_log(c);
        std::vector<std::size_t> pieces{1, 2, 3, 7, whole};
        std::size_t size = 0;
        for (const autobahn_action& a : c.actions) {
            size += a.payload.size();
            if (a.number("chop") > 1) pieces.push_back(a.number("chop"));
        }
        bool good = true;
        const std::size_t before = runs_;
        for (const std::size_t piece : pieces) {
            if (size / piece > most_pieces) {
                ++left_out_;
                continue;
            }
            for (const deflate_use use :
                 {deflate_use::none, deflate_use::agreed, deflate_use::used}) {
                // 3.4 is about RSV1, which the extension gives a meaning.
                if (c.id == "3.4" && use != deflate_use::none) continue;
                good = run_once<role::server>(c, piece, use, expected) && good;
                good = run_once<role::client>(c, piece, use, expected) && good;
            }
        }
        std::printf("autobahn %s %s (%zu runs)\n", c.id.c_str(), good ? "ok" : "FAILED",
                    runs_ - before);
        return good;
    }

    [[nodiscard]] std::size_t runs() const { return runs_; }
    [[nodiscard]] std::size_t left_out() const { return left_out_; }

private:
    static constexpr auto whole = static_cast<std::size_t>(-1);

    template <role Role> bool run_once(const autobahn_case& c, std::size_t piece, deflate_use use,
                                       const std::string& expected) {
        ++runs_;
        std::string got;
        try {
            got = session<Role>(c, piece, use).run();
        } catch (const std::exception& why) {
            got = why.what();
        }
        if (got == expected) return true;
        static constexpr const char* uses[] = {"without", "with unused", "with"};
        std::printf(
            "  as %s, in pieces of %zd, %s permessage-deflate:\n    %s\n  instead of\n    %s\n",
            Role == role::server ? "server" : "client", static_cast<std::ptrdiff_t>(piece),
            uses[static_cast<int>(use)], got.c_str(), expected.c_str());
        return false;
    }

    std::size_t runs_ = 0;
    std::size_t left_out_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::vector<autobahn_case> cases = read_autobahn_table(argv[1]);
    runner all;
    std::size_t good = 0;
    for (const autobahn_case& c : cases)
        good += all.run(c) ? std::size_t{1} : 0;
    const auto advertised = static_cast<std::size_t>(std::atoi(argv[2]));
    std::printf("%zu of %zu cases as they should be, %zu runs", good, advertised, all.runs());
    if (all.left_out() != 0) {
        std::printf("; %zu sizes of pieces left out: they take too long in this build",
                    all.left_out());
    }
    std::printf("\n");
    return good == advertised && cases.size() == advertised ? 0 : 1;
}
