// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Errors in the words of the property errorString.

#ifndef FRAMEWIRE_QML_ERRORTEXT_H
#define FRAMEWIRE_QML_ERRORTEXT_H

#include <framewire/error.hpp>
#include <framewire/qt/handlers.hpp>

#include <QString>

#include <system_error>

QString errorText(framewire::errc error);

/// The most common ones read as they do in Qt, since QML code compares them. When a limit of a
/// property was reached, its name is in it.
QString errorText(const framewire::qt::close_info &info);

/// True when the server could not even be reached.
bool isUnreachable(const std::error_code &error);

#endif
