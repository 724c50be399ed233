// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// An extension of somebody's own, as simple as can be.

#include <framewire/qt/extension.hpp>

#include "qt/support/engines.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <string>
#include <string_view>

using namespace framewire;
using namespace framewire::test;

namespace {

// Turns every bit around. Its answer is long, and so is not written at once.
class invert final : public qt::extension {
public:
    explicit invert(std::string_view offer) : offer_(offer) { ++count; }
    ~invert() override { --count; }

    written write_offer(std::span<char> out) const noexcept override { return write(out, offer_); }
    written negotiate(extension_list offers, std::span<char> answer) noexcept override {
        if (!offers.contains("x-invert")) return {};
        const written result = write_answer(answer);
        active_ = result.error == errc::success;
        return result;
    }
    errc accept_answer(extension_list answers) noexcept override {
        active_ = answers.contains("x-invert");
        return errc::success;
    }
    bool active() const noexcept override { return active_; }
    written write_answer(std::span<char> out) const noexcept override {
        return write(out, "x-invert; " + std::string(1000, 'a'));
    }
    decoded_payload decode(std::span<const std::byte> payload, bool,
                           extension_output& out) noexcept override {
        return {invert_to(out, payload), payload.size()};
    }
    encoded_payload encode(opcode, std::span<const std::byte> payload, bool, bool,
                           extension_output& out) noexcept override {
        return {invert_to(out, payload), rsv1};
    }

    static inline int count = 0;

private:
    static written write(std::span<char> out, std::string_view text) noexcept {
        http_head_writer writer(out);
        writer.append(text);
        return writer.result();
    }
    static errc invert_to(extension_output& out, std::span<const std::byte> payload) noexcept {
        if (payload.empty()) return errc::success;
        const std::span<std::byte> room = out.prepare(payload.size());
        if (room.empty()) return out.error();
        std::transform(payload.begin(), payload.end(), room.begin(),
                       [](std::byte b) { return ~b; });
        out.commit(payload.size());
        return errc::success;
    }

    std::string offer_;
    bool active_ = false;
};

class invert_factory final : public qt::extension_factory {
public:
    explicit invert_factory(std::string offer = "x-invert") : offer_(std::move(offer)) {}
    std::unique_ptr<qt::extension> make() const override {
        return std::make_unique<invert>(offer_);
    }

private:
    std::string offer_;
};

} // namespace

TEST_CASE("extension: one of your own is negotiated, and gets the messages") {
    qt::server_options server_options;
    server_options.extension = std::make_shared<invert_factory>();
    qt::client_options client_options;
    client_options.extension = std::make_shared<invert_factory>();
    {
        test_server server(server_options);
        test_client c;
        c.open(server.url(), client_options);
        REQUIRE(c.wait_for_text("open"));
        const std::string answer = "x-invert; " + std::string(1000, 'a');
        CHECK(c.ws.extensions().toStdString() == answer);
        CHECK(server.sessions[0]->extensions.toStdString() == answer);
        c.ws.send_text("h\xC3\xA9llo");
        REQUIRE(c.wait_for_text("text(h\xC3\xA9llo)"));

        // Who does not take part in it holds none.
        test_client plain;
        plain.open(server.url());
        REQUIRE(plain.wait_for_text("open"));
        CHECK(invert::count == 2);
    }
    CHECK(no_engines());
    CHECK(invert::count == 0);
}

TEST_CASE("extension: what goes over the wire is what it made") {
    raw_server server;
    qt::client_options options;
    options.extension = std::make_shared<invert_factory>();
    test_client c;
    c.open(server.url(), options);
    server.accept("Sec-WebSocket-Extensions: x-invert\r\n",
                  frame_writer(role::client).frame(0xC1, "\x97\x96").text("plain").str());
    REQUIRE(c.wait_for_text("text(hi) text(plain)"));
    c.ws.send_text("hi");
    std::vector<wire_frame> frames;
    REQUIRE(wait_for([&] {
        frames = take_frames(server.peer->received);
        return !frames.empty();
    }));
    CHECK(frames[0].first == 0xC1);
    CHECK(frames[0].payload == "\x97\x96");
}

TEST_CASE("extension: an offer that cannot be sent fails the opening") {
    qt::client_options options;
    options.extension = std::make_shared<invert_factory>("x-invert;;");
    test_client c;
    CHECK(c.open(QUrl("ws://localhost/"), options) == errc::invalid_extension);
    REQUIRE(c.wait_for_end());
    CHECK(c.error_text() ==
          "cannot open ws://localhost/: the extension list to be sent is malformed");
}
