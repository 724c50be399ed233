// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A chat in a terminal or a pipe: each line of the standard input is a message, each message that
// comes is a line on the standard output.
//
// What to learn here: a client from its URL to the code it ends with. Two coroutines share the
// connection, `listen` and `talk`; nothing waits for one and keeps the other from its work. A slow
// server slows the reading of the input, and a slow reader of the output slows the server.

#include "input.hpp"
#include "output.hpp"
#include "program.hpp"

#include <framewire/asio/client.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

using namespace example;
using namespace std::chrono_literals;
namespace fw = framewire;

namespace {

class conversation {
public:
    conversation(asio::io_context& context, const settings& chosen)
        : context_(context), chosen_(chosen),
          ws_(context.get_executor(), chosen.client, chosen.deflate), input_(context),
          output_(context), pause_(context) {}

    // Returns the code to end with.
    task<int> hold() {
        auto [error] = co_await ws_.connect(chosen_.url, as_result);
        if (error == fw::errc::upgrade_refused) {
            say_refused(ws_.response());
            co_return refused;
        }
        if (error) {
            say(ws_.error_text());
            co_return failed;
        }
        const std::string subprotocol(ws_.subprotocol());
        say("open" + (subprotocol.empty() ? "" : ", subprotocol " + subprotocol) +
            (ws_.extension().active() ? ", compressed" : ""));
        if (chosen_.client.trust_any_certificate_insecurely && chosen_.url.starts_with("wss:")) {
            say("nobody has checked whom we talk to");
        }
        asio::co_spawn(context_, talk(), [](const std::exception_ptr& thrown) {
            if (thrown) std::rethrow_exception(thrown);
        });
        co_await listen();
        auto [cancelled, how] = co_await ws_.closed(as_result);
        say_closed(how);
        if (!how.clean) co_return failed;
        const bool regular = how.code == fw::close_code::normal ||
                             how.code == fw::close_code::going_away ||
                             how.code == fw::close_code::no_status_received;
        if (!regular) co_return closed_otherwise;
        co_return incomplete_ ? failed : ended_well;
    }

    void leave() {
        (void)ws_.close(fw::close_code::going_away);
        output_.give_up(); // it may be what we wait for
    }

private:
    task<> listen() {
        for (;;) {
            auto [ended, message] = co_await ws_.read(as_result);
            if (ended) co_return;
            showing_ = true;
            co_await output_.write(shown(message));
            showing_ = false;
            ++shown_;
        }
    }

    task<> talk() {
        while (std::optional<std::string> line = co_await input_.next()) {
            if (line->starts_with('/') && !line->starts_with("//")) {
                co_await obey(*line);
            } else {
                const std::string_view text(*line);
                co_await told(ws_.send_text(text.substr(text.starts_with("//")), as_result));
            }
        }
        if (!input_.problem().empty()) {
            say("the input ends here: " + input_.problem());
            incomplete_ = true;
        }
        co_await finish();
    }

    // Completes when it is worth sending more.
    task<> told(task<std::tuple<net::error_code>> sending) {
        auto [error] = co_await std::move(sending);
        if (error) complain("not sent: " + error.message());
    }

    // Who types sees it. A script has to be told by the code that the program ends with.
    void complain(const std::string& what) {
        say(what);
        if (!input_is_terminal()) incomplete_ = true;
    }

    // A server that answers in order has answered everything when it answers the Ping. It may take
    // as long as it likes, if only it takes and sends something now and then.
    task<> finish() {
        ask_for_answers();
        std::pair<std::size_t, std::size_t> before;
        for (int idle = 0; !done_waiting_ && idle < 10; ++idle) {
            const std::pair now(shown_, ws_.buffered_amount());
            if (showing_ || now != std::exchange(before, now)) idle = 0;
            pause_.expires_after(500ms);
            co_await pause_.async_wait(as_result);
        }
        if (!std::exchange(done_waiting_, true)) {
            say("gave up waiting for answers: nothing came and nothing was sent for 5 s");
            incomplete_ = true;
        }
        pause_.expires_after(chosen_.wait);
        co_await pause_.async_wait(as_result);
        (void)ws_.close(fw::close_code::normal);
    }

    void ask_for_answers() {
        // The Pong for a Ping that is under way already stands in front of later answers.
        const bool shared = pinging_ != 0;
        ws_.ping([this, shared](net::error_code error, auto) {
            if (shared && !error) return ask_for_answers();
            if (!std::exchange(done_waiting_, true)) pause_.cancel();
        });
    }

    task<> obey(std::string_view line) {
        const auto word = [&line] {
            const std::string_view first = line.substr(0, line.find(' '));
            line.remove_prefix(std::min(line.size(), first.size() + 1));
            return first;
        };
        const std::string_view command = word();
        if (command == "/ping") {
            ++pinging_;
            ws_.ping([this](net::error_code error, std::chrono::nanoseconds time) {
                --pinging_;
                say(error ? "no answer: " + error.message() : "answered in " + milliseconds(time));
            });
        } else if (command == "/close") {
            close(word(), line);
        } else if (command == "/binary") {
            co_await send_file(std::string(line));
        } else if (command == "/help") {
            say_commands();
        } else {
            complain("not sent: there is no " + std::string(command) +
                     "; /help lists what there is");
        }
    }

    void close(std::string_view code, std::string_view reason) {
        unsigned short number = 1000;
        const char* const end = code.data() + code.size();
        const auto [stopped, wrong] = std::from_chars(code.data(), end, number);
        if (!code.empty() && (stopped != end || wrong != std::errc{})) {
            return complain("not closed: /close [CODE [REASON]]");
        }
        const fw::errc error = ws_.close(fw::close_code{number}, reason);
        if (error != fw::errc::success) complain("not closed: " + std::string(fw::message(error)));
    }

    task<> send_file(std::string name) {
        const std::optional<std::string> bytes = contents_of(name);
        if (!bytes) co_return complain("not sent: cannot read " + name);
        co_await told(ws_.send_binary(std::as_bytes(std::span(*bytes)), as_result));
    }

    static std::string milliseconds(std::chrono::nanoseconds time) {
        char text[32];
        std::snprintf(text, sizeof text, "%.3f ms", static_cast<double>(time.count()) / 1e6);
        return text;
    }

    asio::io_context& context_;
    const settings& chosen_;
    net::client_with<fw::permessage_deflate, executor> ws_;
    input_lines input_;
    output output_;
    timer pause_;
    std::size_t shown_ = 0;
    int pinging_ = 0; // by commands
    bool showing_ = false;
    bool done_waiting_ = false; // for answers
    bool incomplete_ = false;   // something was not sent, or not answered
};

} // namespace

int main(int argc, char** argv) {
    open_standard_files();
    try {
        const settings chosen = parse(argc, argv);
        if (chosen.help) return say_help();

        int code = failed;
        asio::io_context context(1);
        conversation chat(context, chosen);
        asio::co_spawn(context, chat.hold(), [&](const std::exception_ptr& thrown, int result) {
            if (thrown) std::rethrow_exception(thrown);
            code = result;
            context.stop();
        });
        asio::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&](net::error_code cancelled, int) {
            if (cancelled) return;
            signals.clear(); // the next one ends the program at once
            chat.leave();
        });
        context.run();
        return code;
    } catch (const std::exception& why) {
        return say_failed(why);
    }
}
