// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The colours of both looks. What to learn here: the window gives them to its palette, and each
// item below it finds them in its own.

import QtQuick

QtObject {
    // "light", "dark" or "system".
    property string choice: "system"

    readonly property SystemPalette system: SystemPalette {}
    readonly property bool dark: choice === "dark" || choice === "system" && system.window.hslLightness < 0.5

    readonly property color window: dark ? "#14161b" : "#f3f5f8"
    readonly property color windowText: dark ? "#e8eaef" : "#1c1f26"
    readonly property color base: dark ? "#1e2128" : "#ffffff"
    readonly property color bubble: dark ? "#282c36" : "#ffffff"
    readonly property color line: dark ? "#3a404d" : "#cfd5de"
    readonly property color muted: dark ? "#a0a8b7" : "#5a6372"
    readonly property color accent: dark ? "#3566d6" : "#2459d3"
    readonly property color accentText: "#ffffff"
    // What is in focus has a ring, which has to be seen beside the accent as well.
    readonly property color ring: dark ? "#8fb4ff" : "#0b3aa5"
    readonly property color button: dark ? "#2c313c" : "#e4e8ee"
    readonly property color warning: dark ? "#ffb4a8" : "#a8200d"

    function next() {
        choice = choice === "system" ? "light" : choice === "light" ? "dark" : "system"
    }
}
