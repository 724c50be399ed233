// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What is kept of what arrives in pieces: of a message, and behind it of a control frame between
// its fragments, which so needs no memory of its own. What was told stays until the next event.

#ifndef FRAMEWIRE_DETAIL_PIECE_BUFFER_HPP
#define FRAMEWIRE_DETAIL_PIECE_BUFFER_HPP

#include <framewire/detail/byte_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace framewire::detail {

class piece_buffer {
public:
    // To be filled while no control frame stands behind it.
    [[nodiscard]] byte_buffer& message() noexcept { return bytes_; }
    [[nodiscard]] std::span<std::byte> control() const noexcept {
        return bytes_.bytes().last(control_size_);
    }

    // A control frame has no more than 125 bytes. `expected` is as for byte_buffer.
    [[nodiscard]] bool append_control(std::span<const std::byte> piece,
                                      std::size_t expected) noexcept {
        if (!bytes_.append(piece, expected)) return false;
        control_size_ = static_cast<std::uint8_t>(control_size_ + piece.size());
        return true;
    }
    [[nodiscard]] bool holds_control() const noexcept { return control_size_ != 0; }

    // The application looks at it now.
    void told_message() noexcept { told_ = told::message; }
    void told_control() noexcept { told_ = told::control; }
    [[nodiscard]] bool is_told() const noexcept { return told_ != told::nothing; }

    void drop_told() noexcept {
        if (told_ == told::message) bytes_.clear();
        if (told_ == told::control) bytes_.drop_back(std::exchange(control_size_, 0));
        told_ = told::nothing;
    }

    // Gives away what was told; empty when that is nothing, or when there is no memory.
    [[nodiscard]] byte_buffer detach_told(std::size_t expected) noexcept {
        if (told_ == told::nothing) return {};
        byte_buffer given = std::move(bytes_);
        // In front of a control frame stands what has arrived of a message, which stays here.
        const std::size_t stays = given.size() - control_size_;
        if (told_ == told::control && !bytes_.append(given.bytes().first(stays), expected)) {
            bytes_ = std::move(given);
            return {};
        }
        control_size_ = 0;
        told_ = told::nothing;
        return given;
    }

    void release() noexcept {
        bytes_.release();
        control_size_ = 0;
        told_ = told::nothing;
    }
    void release_if_empty() noexcept {
        if (bytes_.empty()) bytes_.release();
    }

private:
    enum class told : std::uint8_t { nothing, control, message };

    byte_buffer bytes_;
    std::uint8_t control_size_ = 0;
    told told_ = told::nothing;
};

} // namespace framewire::detail

#endif
