// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A received message on its way to the application: it waits until somebody reads, and is lent to
// who does until the next read. What is lent stays where it lies, or is put aside.

#ifndef FRAMEWIRE_ASIO_DETAIL_HANDOVER_HPP
#define FRAMEWIRE_ASIO_DETAIL_HANDOVER_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/inlining.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace framewire::net::detail {

// `ReadBytes` is what owns the bytes that were read last.
template <typename ReadBytes> class handover {
public:
    // --- Who reads

    [[nodiscard]] operation_queue<message>& readers() noexcept { return readers_; } // at most one

    // Without `keep_view` the reader copies the message, which need not be kept then. `then` is
    // what follows from it, as for operation_queue.
    template <typename Then> void add_reader(operation<message>* op, bool keep_view, Then then) {
        keep_view_ = keep_view;
        readers_.push(op, std::move(then));
    }
    // Nobody looks at the last message any more.
    void take_back() noexcept { lent_ = false; }

    void pause(bool yes) noexcept { paused_ = yes; }
    [[nodiscard]] bool paused() const noexcept { return paused_; }

    // --- The message

    // To whoever waits for it, or else for the next one who asks.
    void offer(const message& received) {
        if (is_wanted()) return deliver(received);
        parked_ = received;
        has_parked_ = true;
    }
    [[nodiscard]] bool has_parked() const noexcept { return has_parked_; }
    [[nodiscard]] bool is_wanted() const noexcept { return !readers_.empty() && !paused_; }
    void deliver_parked() {
        has_parked_ = false;
        deliver(parked_);
    }
    void drop_parked() noexcept { has_parked_ = false; }

    // --- Its bytes

    // The application looks at bytes that the next read would overwrite.
    [[nodiscard]] bool looked_at() const noexcept { return lent_ && place_ != place::aside; }
    // More may be read: there is nothing that it would overwrite.
    [[nodiscard]] bool is_free() const noexcept { return !has_parked_ && !looked_at(); }
    [[nodiscard]] bool is_lent() const noexcept { return lent_; }
    [[nodiscard]] bool has_aside() const noexcept { return aside_ != nullptr; }

    // More is to be read all the same: what is looked at has to be put aside.
    void read_on() noexcept {
        if (looked_at()) place_ = place::in_the_way;
    }
    [[nodiscard]] bool in_the_way() const noexcept { return lent_ && place_ == place::in_the_way; }
    // Puts what is looked at aside, so that reading can go on; in two steps. The first is not
    // needed when nothing was read since the last time: then this message lies in what was put
    // aside then. `detach` is not called unless there is memory.
    template <typename Detach> FRAMEWIRE_COLD void put_aside(Detach detach) {
        aside_.reset(new bytes_aside{detach(), {}});
    }
    FRAMEWIRE_COLD void put_assembled_aside(framewire::detail::byte_buffer&& assembled) noexcept {
        aside_->assembled = std::move(assembled);
        place_ = place::aside;
    }
    void release_aside() noexcept { aside_.reset(); }

private:
    void deliver(const message& received) {
        lent_ = keep_view_;
        place_ = place::as_read;
        try {
            readers_.pop()->complete(delivery::here, {}, received);
        } catch (...) { // perhaps nobody was told, and so nobody will ask for the next one
            read_on();
            throw;
        }
    }

    enum class place : std::uint8_t { as_read, in_the_way, aside };
    struct bytes_aside {
        ReadBytes read;
        framewire::detail::byte_buffer assembled; // from pieces
    };

    std::unique_ptr<bytes_aside> aside_;
    message parked_; // received, and not yet asked for
    operation_queue<message> readers_;
    bool has_parked_ = false;
    bool keep_view_ = false;
    bool lent_ = false;
    place place_ = place::as_read; // of what is lent
    bool paused_ = false;
};

} // namespace framewire::net::detail

#endif
