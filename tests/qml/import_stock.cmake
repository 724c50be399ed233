# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# Copies the QML file IN to OUT with QtWebSockets imported in place of Framewire.

file(READ ${IN} text)
string(REPLACE "\nimport Framewire\n" "\nimport QtWebSockets\n" stock "${text}")
if(stock STREQUAL text)
    message(FATAL_ERROR "${IN} does not import Framewire")
endif()
file(WRITE ${OUT} "${stock}")
