// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Where other threads leave what a stream is to send.

#ifndef FRAMEWIRE_ASIO_DETAIL_MAILBOX_HPP
#define FRAMEWIRE_ASIO_DETAIL_MAILBOX_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/bytes.hpp>
#include <framewire/error.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/options.hpp>
#include <framewire/rfc6455.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <utility>

namespace framewire::net::detail {

// What waits is one run of bytes, each message behind what it is, and is handed over as a whole.
class mail {
public:
    struct item {
        std::size_t size;
        opcode kind;
        compression how; // of a message
        close_code code; // of a Close
    };
    // What an item takes beside its bytes, so that empty messages count, too: no less than the
    // longest prefix of a frame.
    static constexpr std::size_t overhead =
        sizeof(item) < max_header_size ? max_header_size : sizeof(item);

    // Adds all of it, or nothing: false without memory. `most` bytes may wait, and a Close.
    [[nodiscard]] bool add(const item& what, std::span<const std::byte> bytes,
                           std::size_t most) noexcept {
        constexpr std::size_t of_close = overhead + max_close_reason;
        const bool known = most < static_cast<std::size_t>(-1) - of_close;
        std::byte* const room =
            bytes_.prepare(overhead + bytes.size(), known ? most + of_close : 0);
        if (room == nullptr) return false;
        std::memcpy(room, &what, sizeof(item));
        framewire::detail::copy_bytes(room + overhead, bytes.data(), bytes.size());
        bytes_.commit(overhead + bytes.size());
        return true;
    }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

    template <typename Take> void each(Take take) const {
        std::span<const std::byte> rest = bytes_.bytes();
        while (!rest.empty()) {
            item one;
            std::memcpy(&one, rest.data(), sizeof(item));
            take(one, rest.subspan(overhead, one.size));
            rest = rest.subspan(overhead + one.size);
        }
    }

private:
    framewire::detail::byte_buffer bytes_;
};

class mailbox {
public:
    virtual ~mailbox() = default;
    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;

    [[nodiscard]] bool is_servers() const noexcept { return is_servers_; }

    // From any thread.
    send_result put(opcode kind, close_code code, compression how,
                    std::span<const std::byte> bytes) {
        const std::lock_guard lock(mutex_);
        if (closed_ || (!open_ && kind != opcode::close)) {
            return {send_status::refused, errc::not_open};
        }
        const std::size_t waiting = ahead_ + mail_.size();
        if (kind != opcode::close && waiting != 0 &&
            (waiting > limit_ || bytes.size() + mail::overhead > limit_ - waiting)) {
            if (on_overflow_ == overflow_policy::close) {
                overflowed_ = add(opcode::close, close_code::try_again_later, compression::never,
                                  {}) == errc::success;
            }
            return {send_status::refused, errc::output_full};
        }
        const errc error = add(kind, code, how, bytes);
        if (error != errc::success) return {send_status::refused, error};
        return {waiting + bytes.size() > high_water_ ? send_status::above_high_water
                                                     : send_status::queued,
                errc::success};
    }
    [[nodiscard]] bool closed() const {
        const std::lock_guard lock(mutex_);
        return closed_;
    }

    // From the stream's executor. Whether messages are accepted from here on.
    void open(bool yes = true) {
        const std::lock_guard lock(mutex_);
        open_ = yes;
    }
    // Whether there is something to take that was accepted before, without the lock. Relaxed: who
    // knows that it was accepted was told so by something that orders the two.
    [[nodiscard]] bool called() const noexcept { return called_.load(std::memory_order_relaxed); }
    [[nodiscard]] mail take() {
        const std::lock_guard lock(mutex_);
        called_ = false;
        ahead_ += mail_.size();
        return std::exchange(mail_, {});
    }
    // The Close in the mail is because of what there was no room for.
    [[nodiscard]] bool overflowed() const {
        const std::lock_guard lock(mutex_);
        return overflowed_;
    }
    // How much waits in the stream itself.
    void ahead(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        ahead_ = bytes;
    }
    // The stream sends nothing more, and is not called any more.
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        called_ = true;
        mail_ = {};
        let_go();
    }

protected:
    mailbox(const stream_options& options, bool is_servers) noexcept
        : limit_(options.limits.max_output), high_water_(options.high_water),
          on_overflow_(options.on_overflow), is_servers_(is_servers) {}
    // Has the stream take what is there. Called under the lock, so that the execution context is
    // still there.
    virtual void call() = 0;
    // Forgets the stream and its executor. Under the lock, too.
    virtual void let_go() noexcept = 0;

private:
    // The lock is held: the stream takes what was added once this has returned.
    [[nodiscard]] errc add(opcode kind, close_code code, compression how,
                           std::span<const std::byte> bytes) {
        try {
            if (!called_) call();
        } catch (const std::bad_alloc&) {
            return errc::out_of_memory;
        }
        called_ = true;
        if (!mail_.add({bytes.size(), kind, how, code}, bytes, limit_)) return errc::out_of_memory;
        if (kind == opcode::close) closed_ = true;
        return errc::success;
    }

    mutable std::mutex mutex_;
    mail mail_;
    std::size_t ahead_ = 0;
    const std::size_t limit_;
    const std::size_t high_water_;
    const overflow_policy on_overflow_;
    const bool is_servers_;
    std::atomic<bool> called_ = false; // written under the lock
    bool open_ = false;
    bool closed_ = false;
    bool overflowed_ = false;
};

// Of a stream that takes its mail by `take_mail`, on its executor.
template <typename Owner> class mailbox_of final : public mailbox {
public:
    mailbox_of(const stream_options& options, const std::shared_ptr<Owner>& owner)
        : mailbox(options, Owner::is_server), executor_(owner->executor()), owner_(owner) {}

private:
    void call() override {
        io::post(*executor_, [owner = owner_] {
            if (const std::shared_ptr<Owner> self = owner.lock()) self->take_mail();
        });
    }
    // Senders may outlive the execution context, and a strand may not.
    void let_go() noexcept override {
        executor_.reset();
        owner_.reset();
    }

    std::optional<typename Owner::executor_type> executor_;
    std::weak_ptr<Owner> owner_;
};

} // namespace framewire::net::detail

#endif
