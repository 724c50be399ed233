// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Texts that were received.

#ifndef FRAMEWIRE_QML_MESSAGETEXT_H
#define FRAMEWIRE_QML_MESSAGETEXT_H

#include <QString>

#include <string_view>

QString toText(std::string_view utf8);

#endif
