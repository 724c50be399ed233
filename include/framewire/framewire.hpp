// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The whole protocol core. The adapters (framewire/asio/..., framewire/qt/...)
// and what needs zlib (framewire/deflate/permessage_deflate.hpp) are included by themselves.

#ifndef FRAMEWIRE_FRAMEWIRE_HPP
#define FRAMEWIRE_FRAMEWIRE_HPP

#include <framewire/connection.hpp>
#include <framewire/connection_state.hpp>
#include <framewire/deflate/parameters.hpp>
#include <framewire/error.hpp>
#include <framewire/event.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/frame_decoder.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/handshake/client.hpp>
#include <framewire/handshake/key.hpp>
#include <framewire/handshake/origin.hpp>
#include <framewire/handshake/proxy.hpp>
#include <framewire/handshake/response.hpp>
#include <framewire/handshake/server.hpp>
#include <framewire/handshake/upgrade_request.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head.hpp>
#include <framewire/http_head_writer.hpp>
#include <framewire/masking.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/options.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>
#include <framewire/version.hpp>

#endif
