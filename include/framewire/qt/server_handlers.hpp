// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a server tells the application, and asks it.

#ifndef FRAMEWIRE_QT_SERVER_HANDLERS_HPP
#define FRAMEWIRE_QT_SERVER_HANDLERS_HPP

#include <framewire/qt/callback.hpp>
#include <framewire/qt/handlers.hpp>
#include <framewire/qt/http.hpp>
#include <framewire/qt/session.hpp>

#include <QString>

#include <memory>

namespace framewire::qt {

/// The handlers of a server. Each may be set, replaced and emptied at any time, and may destroy the
/// server. They are called from the event loop of the server's thread.
struct server_handlers {
    /// A session has opened; whoever gets it owns it. Messages come after this has returned. To
    /// destroy it is to close it with 1001, and so is not to set this handler.
    callback<void(std::unique_ptr<session> opened, const request& from)> on_session;
    /// Decides on a well-formed request whose origin is allowed; all are accepted when not set.
    callback<answer(const request& from)> on_request;
    /// A connection ended before it became a session: a malformed request, a refusal, TLS,
    /// time-out.
    callback<void(const close_info& info)> on_failed_handshake;
    /// The system failed to accept a connection.
    callback<void(const QString& error_text)> on_accept_error;
};

} // namespace framewire::qt

#endif
