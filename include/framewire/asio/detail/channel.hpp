// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Moves bytes between a transport and whoever makes something of them. Of a socket it asks to be
// told when bytes have come, and has no buffer until then; other transports have to be given one.

#ifndef FRAMEWIRE_ASIO_DETAIL_CHANNEL_HPP
#define FRAMEWIRE_ASIO_DETAIL_CHANNEL_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/operation_memory.hpp>
#include <framewire/asio/detail/receive_block.hpp>
#include <framewire/asio/detail/timer_queue.hpp>
#include <framewire/asio/detail/transport.hpp>
#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/inlining.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace framewire::net::detail {

// Only for transports that have to be given a buffer.
struct private_buffers {
    static constexpr std::size_t size = 512;

    std::unique_ptr<std::byte[]> small;    // to read into while nothing is known to come
    framewire::detail::byte_buffer copied; // what is being written
    bool last_read_full = false;           // there is more to come
};
struct no_buffers {};

template <typename Next, typename Clock> class channel : public operation_owner<Clock> {
public:
    explicit channel(Next&& next)
        : operation_owner<Clock>(next.get_executor()), next_(std::move(next)) {}

    [[nodiscard]] Next& next() noexcept { return next_; }

protected:
    ~channel() = default;

    // --- What the derived class decides

    [[nodiscard]] virtual bool wants_input() const noexcept = 0;
    virtual void take_input() = 0; // from in_, unless it has to wait
    virtual void take_eof() = 0;   // read_error_ says whether it is a regular one
    [[nodiscard]] virtual std::span<const std::byte> output() const noexcept = 0;
    virtual void consume_output(std::size_t size) noexcept = 0;
    virtual void write_failed(const error_code& error) = 0;
    virtual void wrote() noexcept = 0;          // something
    virtual void settle() = 0;                  // a turn is over
    virtual void release_closed() noexcept = 0; // an operation is over, after the transport was
    // While an exception is handled: it is to go on later with what is left.
    virtual void thrown() noexcept = 0;

    // --- What it uses

    [[nodiscard]] std::shared_ptr<channel> self() {
        return std::static_pointer_cast<channel>(this->shared_from_this());
    }

    // All that is posted is of one type: each further one is a twentieth of a second to compile.
    struct posted {
        std::shared_ptr<timed> keep;
        void (*run)(timed&);
        void operator()() const { run(*keep); }
    };
    void post(void (*run)(timed&)) { post(this->shared_from_this(), run); }
    FRAMEWIRE_NEVER_INLINE void post(std::shared_ptr<timed> keep, void (*run)(timed&)) {
        io::post(next_.get_executor(), posted{std::move(keep), run});
    }

    static constexpr auto only_settle = [] {};
    // All that happens: `act`, and what follows from it.
    template <typename Act> void turn(Act act) {
        try {
            act();
            settle();
        } catch (...) {
            thrown();
            throw;
        }
    }

    void read_more() {
        if (reading_ || eof_ || closed_ || !wants_input()) return;
        if constexpr (waits) {
            error_code failure;
            if (!stop_blocking(failure)) return post_read_error(failure);
            next_.async_wait(Next::wait_read, readable{self()});
            reading_ = true; // if it was started
        } else {
            std::span<std::byte> room;
            if (buffers_.last_read_full) {
                block_.take();
                room = block_.bytes();
            } else {
                if (buffers_.small == nullptr) {
                    buffers_.small.reset(new std::byte[private_buffers::size]);
                }
                room = {buffers_.small.get(), private_buffers::size};
            }
            next_.async_read_some(io::buffer(room.data(), room.size()),
                                  [keep = self(), room](const error_code& error, std::size_t size) {
                                      keep->on_read(error, room, size);
                                  });
            reading_ = true;
        }
    }

    void flush() {
        while (!writing_ && !broken_ && !closed_) {
            if constexpr (waits) {
                const std::span<const std::byte> out = output();
                if (out.empty()) return;
                error_code error;
                if (!stop_blocking(error)) return fail_writing(error);
                const std::size_t size =
                    next_.write_some(io::buffer(out.data(), out.size()), error);
                if (error) return would_block(error) ? wait_writable() : fail_writing(error);
                consume_output(size);
                wrote();
            } else {
                if (buffers_.copied.empty() && !copy_output()) return;
                const std::span<const std::byte> out = buffers_.copied.bytes();
                next_.async_write_some(io::buffer(out.data(), out.size()),
                                       [keep = self()](const error_code& error, std::size_t size) {
                                           keep->on_written(error, size);
                                       });
                writing_ = true; // if it was started
            }
        }
    }

    // Writes at once what lies in two places, unless it would have to wait: tells how much. An
    // error is one to end writing with.
    [[nodiscard]] std::size_t write_now(std::span<const std::byte> first,
                                        std::span<const std::byte> second, error_code& error) {
        const std::array<io::const_buffer, 2> parts = {
            io::const_buffer(first.data(), first.size()),
            io::const_buffer(second.data(), second.size())};
        const std::size_t size = stop_blocking(error) ? next_.write_some(parts, error) : 0;
        if (!error) return size;
        if (would_block(error)) error = {};
        return 0;
    }

    FRAMEWIRE_COLD void fail_writing(const error_code& error) {
        broken_ = true;
        if constexpr (!waits) buffers_.copied.clear();
        write_failed(error);
    }

    // Bytes that were taken from the output but are not written yet.
    [[nodiscard]] std::size_t copied() const noexcept {
        if constexpr (waits)
            return 0;
        else
            return buffers_.copied.size();
    }
    [[nodiscard]] bool all_written() const noexcept {
        return broken_ || (!writing_ && copied() == 0 && output().empty());
    }

    FRAMEWIRE_COLD void close_transport() noexcept {
        closed_ = true;
        transport_traits<Next>::close(next_);
    }

    // The bytes that were read last, handed to whoever still looks at them.
    struct read_bytes {
        receive_block block;
        std::unique_ptr<std::byte[]> small;
    };
    [[nodiscard]] bool has_block() const noexcept {
        if constexpr (!waits) {
            if (buffers_.small != nullptr) return true;
        }
        return block_.held();
    }
    [[nodiscard]] read_bytes detach() noexcept {
        read_bytes result{std::move(block_), nullptr};
        if constexpr (!waits) result.small = std::move(buffers_.small);
        return result;
    }

    // Gives back what only a message needs. Bytes that are being read into stay.
    void release_block() noexcept {
        if (!reading_) block_.release();
    }
    FRAMEWIRE_COLD void release_all() noexcept {
        release_block();
        if constexpr (!waits) {
            if (!reading_) buffers_.small.reset();
            if (!writing_) buffers_.copied.release();
        }
    }

    static constexpr bool waits = waitable_transport<Next>;

    Next next_;
    std::span<std::byte> in_; // read, and not taken yet
    error_code read_error_;   // with eof_
    bool eof_ = false;
    bool broken_ = false; // nothing can be written any more
    bool reading_ = false;
    bool writing_ = false;
    bool closed_ = false;

private:
    static constexpr std::size_t copy_size = 65'536;
    static constexpr int reads_in_a_row = 8;

    // The calls that do not wait are used from here on, in either direction.
    [[nodiscard]] bool stop_blocking(error_code& error) { return made_ready_ || make_ready(error); }
    [[nodiscard]] FRAMEWIRE_COLD bool make_ready(error_code& error) {
        (void)next_.non_blocking(true, error);
        made_ready_ = !error;
        return made_ready_;
    }

    // Nearly all that an idle stream waits for.
    struct readable {
        using allocator_type = operation_allocator<void>;
        std::shared_ptr<channel> keep;

        [[nodiscard]] allocator_type get_allocator() const noexcept {
            return allocator_type(keep->wait_memory_);
        }
        void operator()(const error_code& error) const { keep->on_readable(error); }
    };
    void on_readable(const error_code& error) {
        reading_ = false;
        if (closed_) return release_closed();
        turn([&] { error ? fail_reading(error) : read_now(); });
    }
    void read_now() {
        for (int i = 0; i < reads_in_a_row && !eof_ && !closed_ && wants_input(); ++i) {
            block_.take();
            const std::span<std::byte> room = block_.bytes();
            error_code failure;
            const std::size_t size = next_.read_some(io::buffer(room.data(), room.size()), failure);
            if (failure) {
                if (!would_block(failure)) fail_reading(failure);
                break;
            }
            in_ = room.first(size);
            take_input();
            if (size < room.size()) break;
            flush();
        }
    }

    void on_read(const error_code& error, std::span<std::byte> room, std::size_t size) {
        reading_ = false;
        if (closed_) return release_closed();
        buffers_.last_read_full = size == room.size();
        turn([&] {
            if (size != 0) {
                in_ = room.first(size);
                take_input();
            }
            if (error && !closed_) fail_reading(error);
        });
    }

    FRAMEWIRE_COLD void fail_reading(const error_code& error) {
        eof_ = true;
        read_error_ = error;
        take_eof();
    }
    FRAMEWIRE_COLD void post_read_error(const error_code& error) {
        read_error_ = error;
        post([](timed& self) {
            auto& keep = static_cast<channel&>(self);
            keep.on_readable(keep.read_error_);
        });
        reading_ = true;
    }

    FRAMEWIRE_COLD void wait_writable() {
        next_.async_wait(Next::wait_write,
                         [keep = self()](const error_code& error) { keep->on_writable(error); });
        writing_ = true;
    }
    void on_writable(const error_code& error) {
        writing_ = false;
        if (closed_) return release_closed();
        turn([&] {
            if (error) fail_writing(error);
        });
    }

    // The output may move while a write is under way, which has to keep what it writes.
    [[nodiscard]] bool copy_output() {
        std::span<const std::byte> out = output();
        out = out.first(std::min(out.size(), copy_size));
        if (out.empty()) return false;
        if (!buffers_.copied.append(out)) {
            fail_writing(io::error::no_memory);
            return false;
        }
        consume_output(out.size());
        return true;
    }
    void on_written(const error_code& error, std::size_t size) {
        writing_ = false;
        if (closed_) return release_closed();
        buffers_.copied.consume(size);
        turn([&] {
            if (size != 0) wrote();
            if (error) fail_writing(error);
        });
    }

    bool made_ready_ = false;
    receive_block block_;
    operation_memory wait_memory_;
    [[no_unique_address]] std::conditional_t<waits, no_buffers, private_buffers> buffers_;
};

} // namespace framewire::net::detail

#endif
