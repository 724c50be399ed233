// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The whole connection: bytes from the peer and actions of the application in any order. What is
// told and what is sent does not depend on how the bytes were cut; what is sent is understood by
// the other side as it was meant; the limits hold; it ends once.

#include "fuzz.hpp"
#include "memory.hpp"
#include "support/deflate.hpp"
#include "support/peer.hpp"
#include "support/trace.hpp"

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr options whole{};
constexpr options streaming{.stream_messages = true};

limits limits_from(unsigned choice) {
    limits out;
    if ((choice & 1) != 0) out.max_message_size = 100;
    if ((choice & 2) != 0) out.max_output = 300;
    if ((choice & 4) != 0) out.max_fragments = 5;
    if ((choice & 8) != 0) out.pong_backlog = 20;
    return out;
}

template <message_extension Extension> Extension extension_for(role self, unsigned choice) {
    if constexpr (Extension::rsv == 0) {
        return {};
    } else {
        std::string parameters = "; server_max_window_bits=" + std::to_string(9 + choice % 7) +
                                 "; client_max_window_bits=" + std::to_string(9 + choice / 7 % 7);
        if ((choice & 0x40) != 0) parameters += "; server_no_context_takeover";
        if ((choice & 0x80) != 0) parameters += "; client_no_context_takeover";
        return agreed(self, parameters, always());
    }
}

// What an application hears, in words that do not depend on the pieces.
struct hearing {
    std::string words;
    std::vector<std::string> messages;
    std::string collected;
    int ends = 0;

    void add(const event& e) {
        require(ends == 0, "nothing is told behind the end");
        switch (e.kind) {
        case event_kind::need_data: break;
        case event_kind::text:
        case event_kind::binary:
            require(e.first == collected.empty() || !e.payload.empty() || e.last, "pieces");
            collected += e.text();
            if (!e.last) return;
            messages.push_back((e.kind == event_kind::text ? "t" : "b") + collected);
            words += messages.back() + ";";
            collected.clear();
            return;
        case event_kind::ping: words += "ping " + std::string(e.text()) + ";"; return;
        case event_kind::pong: words += "pong " + std::string(e.text()) + ";"; return;
        case event_kind::close:
        case event_kind::failed:
            ++ends;
            words += "end " + std::to_string(static_cast<unsigned>(e.code)) + " " +
                     std::string(message(e.error)) + " " + std::string(e.text()) + ";";
            return;
        }
    }
};

template <role Role, options Options, message_extension Extension> class session {
public:
    session(fuzz_input input, cutting cut)
        : limits_(limits_from(input.octet())), choice_(input.octet()), input_(input), cut_(cut),
          end_(limits_, extension_for<Extension>(Role, choice_)) {}

    std::string run() {
        for (int steps = 0; !input_.empty() && steps < 200; ++steps) {
            act(input_.octet());
            check();
        }
        take_output(end_->output().size());
        check_output();
        // The words of what was told; the bytes of what was sent.
        return heard_.words + "|" + results_ + "|" + sent_;
    }

private:
    using connection_type = connection<Role, Options, Extension>;
    static constexpr bool deflates = Extension::rsv != 0;

    void act(unsigned action) {
        static constexpr unsigned firsts[] = {0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A,
                                              0x88, 0xC1, 0xC2, 0x41, 0x42, 0x83, 0x91, 0xFF};
        if (action < 0x40) return receive(input_.bytes(action)); // any bytes
        if (action < 0x80) {                                     // a frame
            frame_writer writer(Role);
            const unsigned first = firsts[action & 15];
            const std::string payload = input_.text(input_.octet() % 140);
            if ((action & 16) != 0 && deflates)
                writer.frame(first, compressed(payload, 9));
            else
                writer.frame(first, payload);
            return receive(writer.bytes());
        }
        switch (action % 16) {
        case 0: return send(true);
        case 1: return send(false);
        case 2: return send_fragment(opcode::text);
        case 3: return send_fragment(opcode::binary);
        case 4: return note(hold([&] { return end_->ping(input_.bytes(input_.octet() % 130)); }));
        case 5: return note(hold([&] { return end_->pong(input_.bytes(input_.octet() % 130)); }));
        case 6: return close();
        case 7: return take_output(input_.octet());
        case 8: return take_output(end_->output().size());
        case 9: end_->receive_eof(); return receive({});
        case 10: hold([&] { return end_->release_memory(), 0; }); return;
        case 11: detaches_ = input_.octet() % 4; return;
        case 12:
            hold([&] {
                connection_type moved(std::move(*end_));
                *end_ = std::move(moved);
                return 0;
            });
            return;
        case 13: return send_prepared();
        case 14: return send_through();
        default: return;
        }
    }

    void receive(std::span<const std::byte> bytes) {
        chunk_list pieces = cut_(bytes);
        if (pieces.size() == 0) pieces.add({}); // the end of the input is told then
        for (const std::span<std::byte> piece : pieces) {
            std::span<std::byte> in = piece;
            for (;;) {
                const event e = hold([&] { return end_->next(in); });
                if (e.kind == event_kind::need_data) break;
                heard_.add(e);
                require(Options.stream_messages || (e.first && e.last), "whole messages");
                if (detaches_ != 0 && ++events_ % detaches_ == 0) detach(e);
            }
            require(in.empty(), "need_data when everything is used up");
        }
    }

    // The memory of a payload is given away: it lies at the end of what is handed out.
    void detach(const event& e) {
        const bool good = hold([&] {
            const detail::byte_buffer kept = end_->detach_payload();
            return kept.empty() ||
                   (kept.size() >= e.payload.size() &&
                    (e.payload.empty() ||
                     kept.bytes().last(e.payload.size()).data() == e.payload.data()));
        });
        require(good, "a detached payload stays where it was");
    }

    // --- Sending

    void note(errc result) { results_ += std::to_string(static_cast<int>(result)) + " "; }

    compression how() {
        return input_.octet() % 4 == 0 ? compression::never : compression::if_agreed;
    }

    std::string payload() {
        std::string out = input_.text(input_.octet());
        if (out.size() == 255) out.append(70'000, out.front()); // the long form of the length
        return out;
    }

    void sending(bool text, const std::string& payload, errc result, std::size_t waiting) {
        note(result);
        if (result == errc::success) expected_.push_back((text ? "t" : "b") + payload);
        allow(waiting, result);
    }
    // One message of any size when nothing waits.
    void allow(std::size_t waiting, errc result) {
        if (waiting == 0 && result == errc::success)
            allowed_ = std::max<std::uint64_t>(allowed_, end_->output().size());
    }

    void send(bool text) {
        const compression c = how();
        const std::string content = payload();
        const auto bytes = std::as_bytes(std::span(content));
        const std::size_t waiting = end_->output().size();
        const errc result =
            hold([&] { return text ? end_->send_text(bytes, c) : end_->send_binary(bytes, c); });
        sending(text, content, result, waiting);
        require(result != errc::text_not_utf8 || !is_utf8(content), "UTF-8 can be sent");
    }
    void send_prepared() {
        const bool text = input_.octet() % 2 == 0;
        const std::string content = payload();
        prepared_message ready;
        if (ready.assign(text ? opcode::text : opcode::binary, std::as_bytes(std::span(content))) !=
            errc::success) {
            return;
        }
        const std::size_t waiting = end_->output().size();
        sending(text, content, hold([&] { return end_->send(ready); }), waiting);
    }
    void send_through() {
        if constexpr (Role == role::server) {
            const std::size_t takes = input_.octet();
            const std::string content = payload();
            std::string taken;
            taken.reserve(end_->output().size() + content.size() + max_header_size);
            const auto write = [&](std::span<const std::byte> first,
                                   std::span<const std::byte> second) {
                for (const std::span<const std::byte> part : {first, second})
                    for (const std::byte b : part)
                        if (taken.size() < takes) taken += static_cast<char>(b);
                return taken.size();
            };
            const std::size_t waiting = end_->output().size();
            const errc result = hold([&] {
                return end_->send_through(opcode::binary, std::as_bytes(std::span(content)), write);
            });
            sent_ += taken;
            sending(false, content, result, waiting);
        }
    }
    void send_fragment(opcode kind) {
        const compression c = how();
        const bool last = input_.octet() % 2 == 0;
        const std::string content = payload();
        const std::size_t waiting = end_->output().size();
        const errc result = hold(
            [&] { return end_->send_fragment(kind, std::as_bytes(std::span(content)), last, c); });
        note(result);
        allow(waiting, result);
        if (result != errc::success) return;
        unfinished_ += content;
        if (!last) return;
        expected_.push_back((kind == opcode::text ? "t" : "b") + unfinished_);
        unfinished_.clear();
    }
    void close() {
        const unsigned code = input_.octet() << 8 | input_.octet();
        const std::string reason = input_.text(input_.octet() % 130);
        const bool open = end_->state() == connection_state::open;
        const errc result =
            hold([&] { return end_->close(static_cast<close_code>(code), reason); });
        note(result);
        if (open && result == errc::success)
            require(end_->close_sent() && end_->close_expected(), "a Close is sent");
    }

    void take_output(std::size_t size) {
        size = std::min(size, end_->output().size());
        sent_ += fuzz_input::text_of(end_->output().first(size));
        end_->consume_output(size);
        allowed_ = limits_.max_output;
        allowed_ = std::max<std::uint64_t>(allowed_, end_->output().size());
    }

    // --- What holds at all times

    void check() {
        require(end_->output().size() <= allowed_ + 392, "the output is bounded");
        require(heard_.ends == 0 || end_->state() == connection_state::closed, "closed at the end");
        require(heard_.ends != 0 || end_->state() != connection_state::closed, "and not before");
        require(end_->close_expected() == (end_->state() != connection_state::open),
                "close_expected");
        require(!end_->should_shut_down() || end_->state() == connection_state::closed,
                "should_shut_down");
        if (end_->state() != connection_state::open) {
            require(end_->ping() == errc::not_open, "nothing is sent behind a Close");
        }
        most_output_ = std::max<std::uint64_t>(most_output_, end_->output().size());
        // A message and its copy while it grows; the output likewise; compressors and
        // decompressors, also those that the thread keeps.
        const auto message =
            static_cast<std::int64_t>(std::min<std::uint64_t>(limits_.max_message_size, 300'000));
        const std::int64_t contexts = deflates ? 10 * 300'000 : 0;
        require(memory_.peak() <=
                    3 * message + 3 * static_cast<std::int64_t>(most_output_) + 400'000 + contexts,
                "memory is bounded");
    }

    // What was sent, as a peer of ours and as a parser that shares no code read it.
    void check_output() {
        std::string rest = sent_;
        const std::vector<wire_frame> frames = take_frames(rest);
        require(rest.empty(), "whole frames");
        bool inside = false;
        std::size_t closes = 0;
        for (const wire_frame& frame : frames) {
            require(frame.masked == (Role == role::client), "a client masks");
            require(closes == 0, "nothing is sent behind a Close");
            if (frame.op() >= 8) {
                require(frame.fin() && frame.rsv() == 0 && frame.payload.size() <= 125 &&
                            frame.op() <= 10,
                        "control frames");
                if (frame.op() == 8) ++closes;
                continue;
            }
            require((frame.op() == 0) == inside && frame.op() <= 2, "fragments in order");
            require(frame.rsv() == 0 || (deflates && !inside && frame.rsv() == 4), "RSV bits");
            inside = !frame.fin();
        }
        require(closes == (end_->close_sent() ? 1u : 0u), "a Close is sent once");

        constexpr role other = peer_of(Role);
        endpoint<other, whole, Extension> peer(limits{}, extension_for<Extension>(other, choice_));
        hearing there;
        chunk_list all;
        all.add(std::as_bytes(std::span(sent_)));
        std::span<std::byte> in = all[0];
        for (event e = peer->next(in); e.kind != event_kind::need_data; e = peer->next(in)) {
            require(e.kind != event_kind::failed, "the other side understands everything");
            there.add(e);
        }
        require(there.messages == expected_, "decoding what was encoded makes the same messages");
    }

    template <class Call> auto hold(Call&& call) { return memory_(std::forward<Call>(call)); }

    limits limits_;
    unsigned choice_;
    fuzz_input input_;
    cutting cut_;
    endpoint<Role, Options, Extension> end_;
    held_memory memory_;
    hearing heard_;
    std::string results_;
    std::string sent_;
    std::string unfinished_;
    std::vector<std::string> expected_;
    std::uint64_t allowed_ = limits_.max_output;
    std::uint64_t most_output_ = 0;
    unsigned detaches_ = 0;
    unsigned events_ = 0;
};

template <role Role, options Options, message_extension Extension>
void fuzz(const fuzz_input& input, std::uint32_t seed) {
    (void)same_however_cut(seed, "a connection does not depend on the pieces", [&](cutting cut) {
        return session<Role, Options, Extension>(input, cut).run();
    });
}

template <role Role> void fuzz_as(unsigned flags, const fuzz_input& input, std::uint32_t seed) {
    switch (flags % 4) {
    case 0: return fuzz<Role, whole, no_extension>(input, seed);
    case 1: return fuzz<Role, streaming, no_extension>(input, seed);
    case 2: return fuzz<Role, whole, permessage_deflate>(input, seed);
    default: return fuzz<Role, streaming, permessage_deflate>(input, seed);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const unsigned flags = input.octet();
    const std::uint32_t seed = input.octet();
    if ((flags & 0x80) != 0)
        fuzz_as<role::client>(flags, input, seed);
    else
        fuzz_as<role::server>(flags, input, seed);
    return 0;
}
