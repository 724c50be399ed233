// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/utf8_text.hpp>

#include "support/catch.hpp"

#include <QByteArray>
#include <QString>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>

using framewire::qt::detail::narrow_ascii;
using framewire::qt::detail::utf8_text;

namespace {
QByteArray converted(const QString& text) { return utf8_text(text).view().toByteArray(); }

// Every character of ASCII, from 0 on, again and again.
QString ascii(qsizetype size) {
    QString text(size, Qt::Uninitialized);
    for (qsizetype i = 0; i < size; ++i)
        text[i] = QChar(static_cast<char16_t>(i % 128));
    return text;
}
} // namespace

TEST_CASE("utf8_text: converts ASCII of every length") {
    for (qsizetype size = 0; size <= 300; ++size) {
        CAPTURE(size);
        CHECK(converted(ascii(size)) == ascii(size).toUtf8());
    }
    for (const qsizetype size : {1023, 1024, 1025, 65'536, 200'000}) {
        CAPTURE(size);
        CHECK(converted(ascii(size)) == ascii(size).toUtf8());
    }
}

TEST_CASE("utf8_text: sees what is no ASCII, wherever it stands") {
    // What differs from ASCII in one bit only, in either octet; a surrogate that is alone.
    const char16_t other = GENERATE(char16_t{0x80}, char16_t{0x100}, char16_t{0x8000},
                                    char16_t{0x20AC}, char16_t{0xD800}, char16_t{0xDC00});
    for (const qsizetype size : {1, 2, 15, 16, 17, 33, 70, 128, 129, 1030}) {
        for (qsizetype at = 0; at < size; ++at) {
            QString text = ascii(size);
            text[at] = QChar(other);
            std::string room(static_cast<std::size_t>(size), ' ');
            const bool narrowed = narrow_ascii(text, room.data());
            if (narrowed || converted(text) != text.toUtf8()) {
                CAPTURE(size, at);
                FAIL();
            }
        }
    }
}

TEST_CASE("utf8_text: two can be there at a time") {
    const utf8_text one(QString(1000, QLatin1Char('1')));
    std::optional<utf8_text> two(QString(1000, QLatin1Char('2')));
    const utf8_text three(QString(2000, QLatin1Char('3')));
    two.reset();
    const utf8_text four(QString(900, QLatin1Char('4')));
    CHECK(one.view().toByteArray() == QByteArray(1000, '1'));
    CHECK(three.view().toByteArray() == QByteArray(2000, '3'));
    CHECK(four.view().toByteArray() == QByteArray(900, '4'));
}
