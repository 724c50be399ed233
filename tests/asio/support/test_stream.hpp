// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A transport in memory. One end is an AsyncStream for the code under test, the other end is the
// test itself, which reads and writes bytes. Nothing happens but by the test: it sets how much one
// operation takes, how much the pipe holds, and which operation fails. Not safe for concurrent use.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_TEST_STREAM_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_TEST_STREAM_HPP

#include <framewire/asio/config.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace framewire::test {

namespace io = net::io;
using net::error_code;

/// What the code under test asked of its transport.
struct operation_counts {
    std::size_t async_reads = 0;
    std::size_t async_writes = 0;
    std::size_t waits = 0;  ///< async_wait
    std::size_t reads = 0;  ///< read_some, with nothing to read too
    std::size_t writes = 0; ///< write_some, with no room too
    std::size_t shutdowns = 0;

    /// The operations that a fault plan counts.
    [[nodiscard]] std::size_t all() const {
        return async_reads + async_writes + waits + reads + writes + shutdowns;
    }
    [[nodiscard]] std::size_t all_writes() const { return async_writes + writes; }
};

/// How the transport behaves. May be changed at any time, the capacity by `peer::set_capacity`.
struct wire_settings {
    static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);
    static constexpr std::size_t never = no_limit;

    std::size_t largest_read = no_limit;  ///< Bytes that one read takes at most.
    std::size_t largest_write = no_limit; ///< Bytes that one write takes at most.
    std::size_t capacity = no_limit;      ///< Bytes that wait for the peer at most.

    std::size_t failing = never; ///< The operation that fails, counted from 0 over all kinds.
    bool fails_for_good = true;  ///< All operations behind it fail, too.
    error_code fault = io::error::connection_reset;

    bool spurious_waits = false; ///< async_wait completes at once, whether there is something.
};

/// How much one read takes in tests that arrive piece by piece.
inline constexpr std::size_t chunk_sizes[] = {1, 2, 3, 7, wire_settings::no_limit};

namespace detail {

// Bytes in order; taken from the front without moving the others each time.
class byte_queue {
public:
    [[nodiscard]] std::string_view view() const { return std::string_view(data_).substr(begin_); }
    [[nodiscard]] std::size_t size() const { return data_.size() - begin_; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    void append(std::string_view bytes) { data_ += bytes; }
    void consume(std::size_t count) {
        begin_ += count;
        if (begin_ == data_.size()) {
            data_.clear();
            begin_ = 0;
        } else if (begin_ > data_.size() / 2) {
            data_.erase(0, begin_);
            begin_ = 0;
        }
    }

    void release() {
        if (empty()) std::string().swap(data_);
    }

private:
    std::string data_;
    std::size_t begin_ = 0;
};

// Told when it begins and ends to do what a system does without taking memory: to complete what was
// started before. (This one takes some.)
inline thread_local void (*system_works)(bool) = nullptr;

class system_work {
public:
    system_work() {
        if (system_works != nullptr) system_works(true);
    }
    system_work(const system_work&) = delete;
    system_work& operator=(const system_work&) = delete;
    ~system_work() {
        if (system_works != nullptr) system_works(false);
    }
};

// A started operation whose handler is kept.
class waiting {
public:
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;
    virtual void complete(error_code error, std::size_t count) = 0; // ends this object
    virtual void destroy() noexcept = 0;                            // ends this object

protected:
    waiting() = default;
    ~waiting() = default;
};

// Calls a handler that was posted. It has what is associated with the handler.
template <typename Handler, bool WithCount> struct posted {
    using allocator_type = io::associated_allocator_t<Handler>;
    [[nodiscard]] allocator_type get_allocator() const noexcept {
        return io::get_associated_allocator(handler);
    }
    void operator()() {
        if constexpr (WithCount) {
            std::move(handler)(error, count);
        } else {
            std::move(handler)(error);
        }
    }
    Handler handler;
    error_code error;
    std::size_t count;
};

template <typename Handler, bool WithCount>
void post_completion(const io::io_context::executor_type& executor, Handler handler,
                     error_code error, std::size_t count) {
    auto own = io::get_associated_executor(handler, executor);
    io::post(own, posted<Handler, WithCount>{std::move(handler), error, count});
}

// At most one started operation, in memory that is kept: the transport itself allocates nothing.
class operation_slot {
public:
    operation_slot() = default;
    operation_slot(const operation_slot&) = delete;
    operation_slot& operator=(const operation_slot&) = delete;
    ~operation_slot() { destroy(); }

    [[nodiscard]] bool busy() const { return started_ != nullptr; }
    [[nodiscard]] std::uint64_t id() const { return id_; }

    template <typename Handler, bool WithCount>
    void start(const io::io_context::executor_type& executor, Handler handler) {
        if (busy()) throw std::logic_error("test_stream: two operations of a kind at a time");
        using held_type = held<Handler, WithCount>;
        ++id_;
        void* const place = sizeof(held_type) <= sizeof(memory_)
                                ? static_cast<void*>(&memory_)
                                : ::operator new(sizeof(held_type));
        started_ = new (place) held_type(*this, executor, std::move(handler));
    }
    void complete(error_code error, std::size_t count = 0) {
        if (busy()) std::exchange(started_, nullptr)->complete(error, count);
    }
    void destroy() noexcept {
        if (busy()) std::exchange(started_, nullptr)->destroy();
    }

private:
    template <typename Handler, bool WithCount> class held final : public waiting {
    public:
        template <typename Source>
        held(operation_slot& slot, const io::io_context::executor_type& executor, Source&& handler)
            : slot_(slot), executor_(executor), work_(executor),
              own_work_(io::get_associated_executor(handler, executor)),
              handler_(std::forward<Source>(handler)) {}
        void complete(error_code error, std::size_t count) override {
            const auto executor = executor_;
            const auto work = std::move(work_);
            const auto own_work = std::move(own_work_);
            Handler handler(std::move(handler_));
            destroy();
            const system_work takes_no_memory;
            post_completion<Handler, WithCount>(executor, std::move(handler), error, count);
        }
        void destroy() noexcept override {
            operation_slot& slot = slot_;
            // The handler may own the transport and with it the slot.
            Handler last(std::move(handler_));
            this->~held();
            if (sizeof(held) > sizeof(slot.memory_)) ::operator delete(this);
        }

    private:
        operation_slot& slot_;
        io::io_context::executor_type executor_;
        io::executor_work_guard<io::io_context::executor_type> work_;
        io::executor_work_guard<io::associated_executor_t<Handler, io::io_context::executor_type>>
            own_work_;
        Handler handler_;
    };

    alignas(std::max_align_t) std::byte memory_[512];
    waiting* started_ = nullptr;
    std::uint64_t id_ = 0;
};

class wire;

// Ends what is waiting when the execution context goes away, as a socket's service does.
class wire_service final : public io::execution_context::service {
public:
    using key_type = wire_service;
    static inline io::execution_context::id id;

    explicit wire_service(io::execution_context& context)
        : io::execution_context::service(context) {}

    void add(wire* one) { wires_.insert(one); }
    void remove(wire* one) { wires_.erase(one); }

private:
    inline void shutdown() noexcept override;

    std::set<wire*> wires_;
};

// Both directions of a connection.
class wire : public std::enable_shared_from_this<wire> {
public:
    enum direction : std::size_t { reading, writing };

    explicit wire(io::io_context& context)
        : executor_(context.get_executor()), service_(&io::use_service<wire_service>(context)) {
        service_->add(this);
    }
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;
    ~wire() {
        if (service_ != nullptr) service_->remove(this);
    }

    [[nodiscard]] const io::io_context::executor_type& executor() const { return executor_; }

    // --- What the stream does

    template <typename Buffers, typename Handler>
    void async_transfer(direction way, const Buffers& buffers, Handler handler) {
        ++(way == reading ? counts.async_reads : counts.async_writes);
        blocks_[way] = blocks_of(buffers);
        start<true>(transfers_[way], way, std::move(handler));
    }
    template <typename Handler> void async_wait(direction way, Handler handler) {
        ++counts.waits;
        start<false>(waits_[way], way, std::move(handler));
    }
    template <typename Buffers>
    std::size_t transfer_now(direction way, const Buffers& buffers, error_code& error) {
        ++(way == reading ? counts.reads : counts.writes);
        const system_work takes_no_memory;
        error = next_fault();
        if (error) return 0;
        const block_list blocks = blocks_of(buffers);
        if (!ready(way) && !blocks[0].empty()) {
            error = io::error::would_block;
            return 0;
        }
        return transfer(way, blocks, error);
    }
    void shut_down_sending(error_code& error) {
        ++counts.shutdowns;
        error = next_fault();
        if (!error && closed_) error = io::error::bad_descriptor;
        if (!error) sending_ended_ = true;
    }
    void cancel() {
        for (const direction way : {reading, writing}) {
            transfers_[way].complete(io::error::operation_aborted);
            waits_[way].complete(io::error::operation_aborted);
        }
    }
    void close() {
        if (closed_) return;
        closed_ = true;
        sending_ended_ = true;
        if (service_ != nullptr) cancel();
    }
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] bool sending_ended() const { return sending_ended_; }

    // --- What the peer does

    void deliver(std::string_view bytes) {
        inbound_.append(bytes);
        progress();
    }
    void end_inbound(error_code error) {
        inbound_end_ = error;
        progress();
    }
    void break_outbound(error_code error) {
        outbound_end_ = error;
        progress();
    }
    [[nodiscard]] std::string_view inbound() const { return inbound_.view(); }
    [[nodiscard]] std::string_view outbound() const { return outbound_.view(); }
    void take(std::size_t count) {
        outbound_.consume(count);
        progress();
    }
    void progress() {
        for (const direction way : {reading, writing}) {
            if (!ready(way)) continue;
            waits_[way].complete({});
            if (!transfers_[way].busy()) continue;
            error_code error;
            const std::size_t count = transfer(way, blocks_[way], error);
            transfers_[way].complete(error, count);
        }
    }

    void release_memory() {
        inbound_.release();
        outbound_.release();
    }

    // --- The execution context ends

    void abandon() noexcept {
        service_ = nullptr;
        closed_ = true;
        for (const direction way : {reading, writing}) {
            transfers_[way].destroy();
            waits_[way].destroy();
        }
    }

    wire_settings settings;
    operation_counts counts;

private:
    using block_list = std::array<std::span<std::byte>, 16>;

    // Empty ones are left out.
    template <typename Buffers> static block_list blocks_of(const Buffers& buffers) {
        block_list out;
        std::size_t used = 0;
        const auto end = io::buffer_sequence_end(buffers);
        for (auto i = io::buffer_sequence_begin(buffers); i != end && used < out.size(); ++i) {
            const io::const_buffer block(*i);
            if (block.size() == 0) continue;
            // Only reading writes to it, and then it came from a mutable buffer.
            auto* const data = const_cast<std::byte*>(static_cast<const std::byte*>(block.data()));
            out[used++] = {data, block.size()};
        }
        return out;
    }

    template <bool WithCount, typename Handler>
    void start(operation_slot& slot, direction way, Handler handler) {
        // What an operation takes, before anything happens; none of it when nobody refuses any.
        if (system_works != nullptr) ::operator delete(::operator new(1));
        const system_work takes_no_memory;
        error_code error = closed_ ? error_code(io::error::bad_descriptor) : next_fault();
        if (error) {
            return post_completion<Handler, WithCount>(executor_, std::move(handler), error, 0);
        }
        const bool at_once = WithCount ? blocks_[way][0].empty() : settings.spurious_waits;
        if (at_once || ready(way)) {
            const std::size_t count = WithCount ? transfer(way, blocks_[way], error) : 0;
            return post_completion<Handler, WithCount>(executor_, std::move(handler), error, count);
        }
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
        auto cancellation = io::get_associated_cancellation_slot(handler);
#endif
        slot.start<Handler, WithCount>(executor_, std::move(handler));
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
        if (!cancellation.is_connected()) return;
        cancellation.assign(
            [weak = weak_from_this(), &slot, id = slot.id()](io::cancellation_type) {
                const auto self = weak.lock();
                if (self && slot.id() == id) slot.complete(io::error::operation_aborted);
            });
#endif
    }

    error_code next_fault() {
        const std::size_t now = counts.all() - 1;
        const bool fails =
            settings.fails_for_good ? now >= settings.failing : now == settings.failing;
        return fails ? settings.fault : error_code();
    }

    [[nodiscard]] std::size_t room() const {
        return settings.capacity - std::min(settings.capacity, outbound_.size());
    }
    [[nodiscard]] bool ready(direction way) const {
        if (closed_) return true;
        if (way == reading) return !inbound_.empty() || inbound_end_;
        return room() != 0 || outbound_end_ || sending_ended_;
    }

    std::size_t transfer(direction way, const block_list& blocks, error_code& error) {
        if (blocks[0].empty()) return 0;
        if (closed_) {
            error = io::error::bad_descriptor;
            return 0;
        }
        if (way == writing && outbound_end_) {
            error = outbound_end_;
            return 0;
        }
        if (way == writing && sending_ended_) {
            error = io::error::broken_pipe;
            return 0;
        }
        if (way == reading && inbound_.empty()) {
            error = inbound_end_;
            return 0;
        }
        std::size_t left = way == reading ? std::min(inbound_.size(), settings.largest_read)
                                          : std::min(room(), settings.largest_write);
        std::size_t done = 0;
        for (const std::span<std::byte> block : blocks) {
            const std::size_t part = std::min(left, block.size());
            if (part == 0) break;
            if (way == reading) {
                std::memcpy(block.data(), inbound_.view().data(), part);
                inbound_.consume(part);
            } else {
                outbound_.append({reinterpret_cast<const char*>(block.data()), part});
            }
            left -= part;
            done += part;
        }
        return done;
    }

    io::io_context::executor_type executor_;
    wire_service* service_;
    byte_queue inbound_;
    byte_queue outbound_;
    error_code inbound_end_;
    error_code outbound_end_;
    bool sending_ended_ = false;
    bool closed_ = false;
    std::array<block_list, 2> blocks_{};
    std::array<operation_slot, 2> transfers_;
    std::array<operation_slot, 2> waits_;
};

inline void wire_service::shutdown() noexcept {
    while (!wires_.empty()) {
        // What is destroyed may own the wire.
        const std::shared_ptr<wire> one = (*wires_.begin())->shared_from_this();
        wires_.erase(wires_.begin());
        one->abandon();
    }
}

} // namespace detail

/// The test's end of the connection.
class peer {
public:
    peer() = default;
    explicit peer(std::shared_ptr<detail::wire> wire) : wire_(std::move(wire)) {}

    /// Lets bytes arrive.
    void write(std::string_view bytes) { wire_->deliver(bytes); }
    void write(std::span<const std::byte> bytes) {
        write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    /// Takes what was written, at most `count` bytes of it, which makes room for more.
    std::string read(std::size_t count = wire_settings::no_limit) {
        std::string out(wire_->outbound().substr(0, count));
        wire_->take(out.size());
        return out;
    }
    /// What was written and is not read yet.
    [[nodiscard]] std::string_view waiting() const { return wire_->outbound(); }
    /// What was sent by `write` and not read by the stream yet.
    [[nodiscard]] std::string_view unread() const { return wire_->inbound(); }

    /// Sends nothing more: the stream reads to the end of what arrived.
    void end() { wire_->end_inbound(io::error::eof); }
    /// Is gone, and tells so: reading and writing fail.
    void reset(error_code error = io::error::connection_reset) {
        wire_->break_outbound(error);
        wire_->end_inbound(error);
    }

    /// Takes nothing more, and tells so: writing fails.
    void stop_reading(error_code error = io::error::broken_pipe) { wire_->break_outbound(error); }

    /// The stream sends nothing more.
    [[nodiscard]] bool ended() const { return wire_->sending_ended(); }
    /// The stream closed its end, or was destroyed.
    [[nodiscard]] bool closed() const { return wire_->closed(); }

    /// Bytes that wait for this end at most.
    void set_capacity(std::size_t bytes) {
        wire_->settings.capacity = bytes;
        wire_->progress();
    }
    /// Gives back the memory of what went through.
    void release_memory() { wire_->release_memory(); }

    [[nodiscard]] wire_settings& settings() { return wire_->settings; }
    [[nodiscard]] const operation_counts& counts() const { return wire_->counts; }

private:
    std::shared_ptr<detail::wire> wire_;
};

/// The end of the code under test: what every AsyncStream has, and `close`.
class test_stream {
public:
    using executor_type = io::io_context::executor_type;

    explicit test_stream(io::io_context& context)
        : wire_(std::make_shared<detail::wire>(context)) {}
    test_stream(test_stream&&) noexcept = default;
    test_stream& operator=(test_stream&& other) noexcept {
        if (wire_ && this != &other) wire_->close();
        wire_ = std::move(other.wire_);
        return *this;
    }
    ~test_stream() {
        if (wire_) wire_->close();
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return wire_->executor(); }
    [[nodiscard]] peer other_end() const { return peer(wire_); }

    template <typename Buffers, typename Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return transfer(detail::wire::reading, buffers, std::forward<Token>(token));
    }
    template <typename Buffers, typename Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return transfer(detail::wire::writing, buffers, std::forward<Token>(token));
    }

    void close() { wire_->close(); }

protected:
    template <typename Buffers, typename Token>
    auto transfer(detail::wire::direction way, const Buffers& buffers, Token&& token) {
        return io::async_initiate<Token, void(error_code, std::size_t)>(
            [wire = wire_, way, buffers](auto handler) {
                wire->async_transfer(way, buffers, std::move(handler));
            },
            token);
    }

    std::shared_ptr<detail::wire> wire_;
};

/// The same as a socket: it can be waited for, and read and written without waiting.
class waitable_test_stream : public test_stream, public io::socket_base {
public:
    using lowest_layer_type = waitable_test_stream;
    using test_stream::test_stream;

    [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return *this; }
    [[nodiscard]] const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    template <typename Token> auto async_wait(wait_type what, Token&& token) {
        return io::async_initiate<Token, void(error_code)>(
            [wire = wire_, what](auto handler) {
                wire->async_wait(what == wait_read ? detail::wire::reading : detail::wire::writing,
                                 std::move(handler));
            },
            token);
    }
    [[nodiscard]] bool non_blocking() const noexcept { return non_blocking_; }
    void non_blocking(bool mode) { non_blocking_ = mode; }
    void non_blocking(bool mode, error_code& error) {
        non_blocking_ = mode;
        error = {};
    }
    template <typename Buffers> std::size_t read_some(const Buffers& buffers, error_code& error) {
        return now(detail::wire::reading, buffers, error);
    }
    template <typename Buffers> std::size_t write_some(const Buffers& buffers, error_code& error) {
        return now(detail::wire::writing, buffers, error);
    }

    [[nodiscard]] bool is_open() const noexcept { return !wire_->closed(); }
    void cancel(error_code& error) {
        wire_->cancel();
        error = {};
    }
    void shutdown(shutdown_type what, error_code& error) {
        error = {};
        if (what != shutdown_receive) wire_->shut_down_sending(error);
    }
    void close() { wire_->close(); }
    void close(error_code& error) {
        wire_->close();
        error = {};
    }

private:
    template <typename Buffers>
    std::size_t now(detail::wire::direction way, const Buffers& buffers, error_code& error) {
        if (!non_blocking_) throw std::logic_error("waitable_test_stream: this would block");
        return wire_->transfer_now(way, buffers, error);
    }

    bool non_blocking_ = false;
};

/// A transport that is to shake hands first: what the far end has to say to that is "!".
struct handshaking_test_stream : test_stream {
    using test_stream::test_stream;
    static constexpr int server = 1;

    template <typename Handler> void async_handshake(int /*unused*/, Handler handler) {
        auto byte = std::make_shared<char>();
        const auto room = io::buffer(byte.get(), 1);
        async_read_some(room, [byte = std::move(byte), handler = std::move(handler)](
                                  error_code error, std::size_t) mutable {
            if (!error && *byte != '!') error = io::error::access_denied;
            handler(error);
        });
    }
};

/// Runs what is ready, and never waits.
class loop {
public:
    /// Throws when it does not come to rest.
    std::size_t poll() {
        constexpr std::size_t limit = 10'000'000;
        context.restart();
        std::size_t count = 0;
        while (context.poll_one() != 0) {
            if (++count == limit) throw std::runtime_error("the loop does not come to rest");
        }
        return count;
    }

    io::io_context context{1};
};

} // namespace framewire::test

#endif
