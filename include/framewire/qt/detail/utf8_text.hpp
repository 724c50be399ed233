// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// UTF-16 as UTF-8 for as long as it takes to send it, in memory that is used again.

#ifndef FRAMEWIRE_QT_DETAIL_UTF8_TEXT_HPP
#define FRAMEWIRE_QT_DETAIL_UTF8_TEXT_HPP

#include <QByteArray>
#include <QByteArrayView>
#include <QStringConverter>
#include <QStringView>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace framewire::qt::detail {

// The characters of ASCII, one by one. False when there are others; what is at `to` then says
// nothing. In blocks of a fixed size, which become a few instructions.
[[nodiscard]] inline bool narrow_ascii(QStringView from, char* to) noexcept {
    constexpr qsizetype block = 16;
    const char16_t* at = from.utf16();
    qsizetype left = from.size();
    for (; left >= block; left -= block, at += block, to += block) {
        std::array<char16_t, block> wide;
        std::array<char, block> narrow;
        std::memcpy(wide.data(), at, sizeof wide);
        char16_t seen = 0;
        for (std::size_t i = 0; i < block; ++i) {
            seen = static_cast<char16_t>(seen | wide[i]);
            narrow[i] = static_cast<char>(wide[i]);
        }
        if (seen > 0x7F) return false;
        std::memcpy(to, narrow.data(), sizeof narrow);
    }
    for (; left != 0; --left) {
        if (*at > 0x7F) return false;
        *to++ = static_cast<char>(*at++);
    }
    return true;
}

class utf8_text {
public:
    explicit utf8_text(QStringView text) {
        if (text.size() <= longest_short && narrow_ascii(text, short_.data())) {
            view_ = QByteArrayView(short_.data(), text.size());
        } else if (!convert(text)) {
            converted_ = text.toUtf8(); // which has its own mind about surrogates that are alone
            view_ = converted_;
        }
    }
    utf8_text(const utf8_text&) = delete;
    utf8_text& operator=(const utf8_text&) = delete;
    ~utf8_text() {
        if (taken_.size != 0 && taken_.size <= largest_kept) spare() = std::move(taken_);
    }

    [[nodiscard]] QByteArrayView view() const noexcept { return view_; }

private:
    struct memory {
        std::unique_ptr<char[]> bytes;
        std::size_t size = 0;
    };
    // Above that, Qt's vectors pay for the calls that lead to them.
    static constexpr qsizetype longest_short = 128;
    // What a thread keeps from one text to the next: enough for 64 Ki characters.
    static constexpr std::size_t largest_kept = 262'144;

    [[nodiscard]] static memory& spare() noexcept {
        static thread_local memory kept;
        return kept;
    }

    [[nodiscard]] bool convert(QStringView text) {
        QStringEncoder encoder(QStringConverter::Utf8, QStringConverter::Flag::Stateless);
        const auto most = static_cast<std::size_t>(encoder.requiredSpace(text.size()));
        taken_ = std::exchange(spare(), {});
        if (taken_.size < most) taken_ = {std::unique_ptr<char[]>(new char[most]), most};
        char* const begin = taken_.bytes.get();
        view_ = QByteArrayView(begin, encoder.appendToBuffer(begin, text) - begin);
        return !encoder.hasError();
    }

    QByteArrayView view_;
    QByteArray converted_;
    memory taken_;
    std::array<char, longest_short> short_;
};

} // namespace framewire::qt::detail

#endif
