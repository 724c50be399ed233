// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// zlib's compressor and decompressor for raw deflate streams that are cut into messages, and those
// that a thread keeps for whoever needs one for a single message. The only header that includes
// zlib, and libdeflate where it is there.

#ifndef FRAMEWIRE_DEFLATE_DETAIL_ZLIB_HPP
#define FRAMEWIRE_DEFLATE_DETAIL_ZLIB_HPP

#include <framewire/deflate/parameters.hpp>
#include <framewire/detail/thread_locals.hpp>
#include <framewire/error.hpp>
#include <framewire/message_extension.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <zlib.h>

#if defined(FRAMEWIRE_HAS_LIBDEFLATE)
#include <libdeflate.h>
#endif

namespace framewire::detail {

// RFC 7692 7.2.1, 7.2.2: the empty stored block of a sync flush, which messages go without.
inline constexpr std::array<std::byte, 4> flush_tail{std::byte{0x00}, std::byte{0x00},
                                                     std::byte{0xFF}, std::byte{0xFF}};

// zlib's calls to malloc: a failure is a null return there, too.
inline void* zlib_allocate(void*, unsigned count, unsigned size) noexcept {
    return ::operator new (std::size_t{count} * size, std::nothrow);
}
inline void zlib_free(void*, void* memory) noexcept { ::operator delete(memory); }

// A stream of zlib's: its interface wants pointers that are not const, and counts in unsigned int.
class zlib_stream {
public:
    zlib_stream() noexcept {
        stream_.zalloc = zlib_allocate;
        stream_.zfree = zlib_free;
    }
    zlib_stream(const zlib_stream&) = delete; // zlib keeps its address
    zlib_stream& operator=(const zlib_stream&) = delete;

    [[nodiscard]] std::size_t unused() const noexcept { return stream_.avail_in + later_; }

protected:
    ~zlib_stream() = default;

    void set_input(std::span<const std::byte> input) noexcept {
        stream_.next_in =
            const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data())); // only read
        stream_.avail_in = 0;
        later_ = input.size();
        refill();
    }
    void refill() noexcept {
        if (stream_.avail_in != 0) return;
        stream_.avail_in = static_cast<uInt>(std::min<std::size_t>(later_, most));
        later_ -= stream_.avail_in;
    }
    void set_room(std::span<std::byte> room) noexcept {
        stream_.next_out = reinterpret_cast<Bytef*>(room.data());
        stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(room.size(), most));
    }

    z_stream stream_{};
    bool ready_ = false; // zlib has been initialized

private:
    static constexpr std::size_t most = std::numeric_limits<uInt>::max();

    std::size_t later_ = 0; // of the input, beyond what zlib can count
};

// What a compressor was made with. Those of the same kind can stand in for each other.
struct deflater_kind {
    std::uint8_t window_bits = 15;
    std::uint8_t level = 6;
    std::uint8_t memory_level = 5;

    friend bool operator==(const deflater_kind&, const deflater_kind&) = default;
};

class deflater : public zlib_stream {
public:
    explicit deflater(const deflater_kind& kind) noexcept : kind_(kind) {
        ready_ = ::deflateInit2(&stream_, kind.level, Z_DEFLATED, -int{kind.window_bits},
                                kind.memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    ~deflater() {
        if (ready_) ::deflateEnd(&stream_);
    }

    [[nodiscard]] bool ready() const noexcept { return ready_; }
    [[nodiscard]] const deflater_kind& kind() const noexcept { return kind_; }

    // The next message begins with an empty window.
    void forget() noexcept { (void)::deflateReset(&stream_); }

    // Compresses a message or a fragment, up to an octet boundary. RFC 7692 7.2.1: what ends a
    // message goes without the tail of the flush.
    [[nodiscard]] errc compress(std::span<const std::byte> input, bool last,
                                extension_output& out) noexcept {
        set_input(input);
        std::size_t made = 0;
        // Most text shrinks to less than half; what does not goes on with as much again.
        std::size_t wanted = input.size() / 2 + 64;
        for (;;) {
            refill();
            const std::span<std::byte> room =
                out.prepare(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, out.room())));
            if (room.empty()) {
                // No room is left, or it was none to begin with.
                return out.error() != errc::success ? out.error() : errc::message_too_big;
            }
            set_room(room);
            const bool more = unused() > stream_.avail_in;
            // Z_BUF_ERROR says that there was nothing to do.
            (void)::deflate(&stream_, more ? Z_NO_FLUSH : Z_SYNC_FLUSH);
            const std::size_t size = room.size() - stream_.avail_out;
            out.commit(size);
            made += size;
            // zlib has more to say only when it has used up the room.
            if (stream_.avail_out != 0 && unused() == 0) break;
        }
        if (!last) return errc::success;
        if (made >= flush_tail.size()) {
            out.take_back(flush_tail.size());
            return errc::success;
        }
        // RFC 7692 7.2.3.6: behind a flush, or in an empty message, nothing is one octet of zero.
        const std::span<std::byte> room = out.prepare(1);
        if (room.empty()) return out.error();
        room[0] = std::byte{0};
        out.commit(1);
        return errc::success;
    }

private:
    deflater_kind kind_;
};

class inflater : public zlib_stream {
public:
    explicit inflater(std::uint8_t window_bits) noexcept : window_bits_(window_bits) {
        ready_ = ::inflateInit2(&stream_, -int{window_bits}) == Z_OK;
    }
    ~inflater() {
        if (ready_) ::inflateEnd(&stream_);
    }

    [[nodiscard]] bool ready() const noexcept { return ready_; }
    [[nodiscard]] std::uint8_t window_bits() const noexcept { return window_bits_; }

    // The next message begins with an empty window.
    void forget() noexcept {
        over_ = false;
        (void)::inflateReset(&stream_);
    }

    // Decompresses a piece of a message: all of it, unless `out` has enough before.
    [[nodiscard]] decoded_payload decompress(std::span<const std::byte> input, bool last,
                                             extension_output& out) noexcept {
        if (const errc error = inflate_all(input, out); error != errc::success) return {error, 0};
        if (unused() != 0 || !last) return {errc::success, input.size() - unused()};
        if (over_) {
            over_ = false; // a final block, and nothing behind it: the message is whole
            return {go_on() ? errc::success : errc::out_of_memory, input.size()};
        }
        // RFC 7692 7.2.2: append the four octets that the sender has removed.
        if (const errc error = inflate_all(flush_tail, out); error != errc::success) {
            return {error, 0};
        }
        // The end of a block (128), on an octet boundary (no bits left), and not within a final
        // block (64): else the message has ended before its data has.
        const bool whole = unused() == 0 && stream_.data_type == 128;
        return {whole ? errc::success : errc::extension_data_invalid, input.size()};
    }

private:
    [[nodiscard]] errc inflate_all(std::span<const std::byte> input,
                                   extension_output& out) noexcept {
        set_input(input);
        // A guess of what most messages inflate to; more follows in steps that grow.
        std::size_t wanted = std::max<std::size_t>(input.size() * 4, 256);
        for (;;) {
            refill();
            if (over_) {
                if (unused() == 0) return errc::success;
                if (!go_on()) return errc::out_of_memory;
            }
            // When the limit is reached, one octet shows whether there would be more.
            std::byte probe{};
            const bool full = out.room() == 0;
            std::span<std::byte> room(&probe, 1);
            if (!full) {
                room = out.prepare(static_cast<std::size_t>(std::min<std::uint64_t>(
                    {wanted, out.room(), std::max<std::uint64_t>(out.until_enough(), 4096)})));
                if (room.empty()) return out.error();
            }
            set_room(room);
            const int result = ::inflate(&stream_, Z_SYNC_FLUSH);
            const std::size_t size = room.size() - stream_.avail_out;
            if (full && size != 0) return errc::message_too_big;
            if (!full) out.commit(size);
            if (result == Z_STREAM_END) {
                over_ = true;
                continue;
            }
            if (result == Z_MEM_ERROR) return errc::out_of_memory;
            if (result != Z_OK && result != Z_BUF_ERROR) return errc::extension_data_invalid;
            if (unused() == 0) {
                // zlib has more to say only when it has used up the room.
                if (stream_.avail_out != 0 || result == Z_BUF_ERROR) return errc::success;
            } else if (out.until_enough() == 0) {
                return errc::success;
            }
            wanted = wanted < largest_step ? wanted * 2 : largest_step;
        }
    }

    // RFC 7692 7.2.3.5: blocks may follow a final one. To zlib that is a new stream; the window of
    // the old one goes on with it.
    [[nodiscard]] bool go_on() noexcept {
        over_ = false;
        return ::inflateResetKeep(&stream_) == Z_OK;
    }

    static constexpr std::size_t largest_step = 65'536;

    std::uint8_t window_bits_;
    bool over_ = false; // a final block has ended, and nothing was seen behind it yet
};

// What a thread keeps for those who need one for a message: a few, since most need it for no longer
// than one call.
template <class Context> class shared_contexts {
public:
    // One that `fits`, or null.
    template <class Fits> [[nodiscard]] static std::unique_ptr<Context> take(Fits fits) noexcept {
        if constexpr (threads_keep_objects) {
            if (gone) return nullptr;
            for (std::unique_ptr<Context>& one : kept().contexts) {
                if (one != nullptr && fits(*one)) return std::move(one);
            }
        }
        return nullptr;
    }
    static void give_back(std::unique_ptr<Context> context) noexcept {
        if constexpr (threads_keep_objects) {
            if (gone) return;
            auto& contexts = kept().contexts;
            // The one that was given back last is taken first; the oldest makes room if none is
            // free.
            auto place = std::find(contexts.begin(), contexts.end(), nullptr);
            if (place == contexts.end()) --place;
            *place = std::move(context);
            std::rotate(contexts.begin(), place, place + 1);
        }
    }

private:
    struct keeper {
        std::array<std::unique_ptr<Context>, 4> contexts;
        ~keeper() { gone = true; }
    };
    // A connection may be destroyed after what its thread keeps is.
    static inline thread_local bool gone = false;
    [[nodiscard]] static keeper& kept() noexcept {
        static thread_local keeper instance;
        return instance;
    }
};

[[nodiscard]] inline std::unique_ptr<deflater> make_deflater(const deflater_kind& kind) noexcept {
    std::unique_ptr<deflater> made(new (std::nothrow) deflater(kind));
    if (made != nullptr && !made->ready()) made.reset();
    return made;
}
[[nodiscard]] inline std::unique_ptr<inflater> make_inflater(std::uint8_t window_bits) noexcept {
    std::unique_ptr<inflater> made(new (std::nothrow) inflater(window_bits));
    if (made != nullptr && !made->ready()) made.reset();
    return made;
}

[[nodiscard]] inline std::unique_ptr<deflater> borrow_deflater(const deflater_kind& kind) noexcept {
    auto found =
        shared_contexts<deflater>::take([&](const deflater& one) { return one.kind() == kind; });
    return found != nullptr ? std::move(found) : make_deflater(kind);
}
inline void give_back(std::unique_ptr<deflater> used) noexcept {
    used->forget();
    shared_contexts<deflater>::give_back(std::move(used));
}

[[nodiscard]] inline std::unique_ptr<inflater> borrow_inflater(std::uint8_t window_bits) noexcept {
    // zlib would let go of a window of another size.
    auto found = shared_contexts<inflater>::take(
        [&](const inflater& one) { return one.window_bits() == window_bits; });
    return found != nullptr ? std::move(found) : make_inflater(window_bits);
}
inline void give_back(std::unique_ptr<inflater> used) noexcept {
    used->forget();
    shared_contexts<inflater>::give_back(std::move(used));
}

#if defined(FRAMEWIRE_HAS_LIBDEFLATE)

// libdeflate takes whole messages only, keeps nothing between two, and is about twice as fast. It
// is not used to compress: it can end a message by a final block only. RFC 7692 7.2.3.4 allows
// that, but Boost.Beast 1.81 takes it for an error, and websocketpp 0.8.2 finds all later messages
// empty.
class libdeflate_decoder {
public:
    // Decompresses one stream, up to its final block. False when that is not all there is, does not
    // fit, or is wrong: zlib then tells which.
    [[nodiscard]] static bool decompress(std::span<const std::byte> input,
                                         std::span<std::byte> room, std::size_t& used,
                                         std::size_t& made) noexcept {
        if (!threads_keep_objects || gone) return false;
        own& mine = kept();
        if (mine.state == nullptr) mine.state.reset(::libdeflate_alloc_decompressor());
        if (mine.state == nullptr) return false;
        return ::libdeflate_deflate_decompress_ex(mine.state.get(), input.data(), input.size(),
                                                  room.data(), room.size(), &used,
                                                  &made) == LIBDEFLATE_SUCCESS;
    }

private:
    struct release {
        void operator()(libdeflate_decompressor* one) const noexcept {
            ::libdeflate_free_decompressor(one);
        }
    };
    struct own {
        std::unique_ptr<libdeflate_decompressor, release> state;
        ~own() { gone = true; }
    };
    static inline thread_local bool gone = false;
    [[nodiscard]] static own& kept() noexcept {
        static thread_local own instance;
        return instance;
    }
};

#endif

} // namespace framewire::detail

#endif
