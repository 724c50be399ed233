// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "messagetext.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

// The characters of ASCII, one by one. False when there are others; what is at `to` then says
// nothing. Blocks are of a fixed size, so that compilers make vectors of them.
bool widenAscii(std::string_view from, char16_t *to)
{
    constexpr std::size_t block = 16;
    std::uint64_t seen = 0;
    for (; from.size() >= block; from.remove_prefix(block), to += block) {
        std::array<std::uint64_t, 2> words;
        std::memcpy(words.data(), from.data(), block);
        seen |= words[0] | words[1];
        std::array<unsigned char, block> narrow;
        std::array<char16_t, block> wide;
        std::memcpy(narrow.data(), from.data(), block);
        for (std::size_t i = 0; i < block; ++i)
            wide[i] = narrow[i];
        std::memcpy(to, wide.data(), sizeof wide);
        if ((seen & 0x8080'8080'8080'8080) != 0)
            return false;
    }
    for (const char c : from) {
        if ((static_cast<unsigned char>(c) & 0x80) != 0)
            return false;
        *to++ = static_cast<unsigned char>(c);
    }
    return true;
}

} // namespace

// Qt drops a byte order mark, which belongs to the message.
QString toText(std::string_view utf8)
{
    {
        QString ascii(static_cast<qsizetype>(utf8.size()), Qt::Uninitialized);
        if (widenAscii(utf8, reinterpret_cast<char16_t *>(ascii.data())))
            return ascii;
    } // a long text is not to be there twice
    const auto text = QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
    return utf8.starts_with("\xef\xbb\xbf") ? QChar(QChar::ByteOrderMark) + text : text;
}
