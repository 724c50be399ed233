// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Runs one QML test file: framewire_qml_tests -input <file> -import <path>.

#include <QtQuickTest/quicktest.h>

QUICK_TEST_MAIN(framewire_qml)
