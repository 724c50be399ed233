// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Stands for an Asio that is too old: only looked for, never included.
