# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# What is built here, and by platforms/ for other machines and compilers.

# The tests of the core, which need nothing but Catch2.
set(framewire_core_tests
    connection.cpp
    connection/closing.cpp
    connection/extension.cpp
    connection/limits.cpp
    connection/memory.cpp
    connection/random.cpp
    connection/receiving.cpp
    connection/sending.cpp
    connection/streaming.cpp
    deflate/parameters.cpp
    detail/ascii.cpp
    detail/base64.cpp
    detail/byte_buffer.cpp
    detail/bytes.cpp
    detail/final_response.cpp
    detail/frame_queue.cpp
    detail/http_body.cpp
    detail/known_fields.cpp
    detail/message_queue.cpp
    detail/message_reader.cpp
    detail/piece_buffer.cpp
    detail/pull_iterator.cpp
    detail/sha1.cpp
    detail/simd_dispatch.cpp
    detail/simd_short.cpp
    detail/spare_output.cpp
    detail/utf8_tables.cpp
    error.cpp
    event.cpp
    extension_header.cpp
    frame_decoder.cpp
    frame_encoder.cpp
    frame_header.cpp
    handshake/client.cpp
    handshake/key.cpp
    handshake/origin.cpp
    handshake/proxy.cpp
    handshake/response.cpp
    handshake/server.cpp
    handshake/upgrade_request.cpp
    handshake/uri.cpp
    http_fields.cpp
    http_head.cpp
    http_head_writer.cpp
    masking.cpp
    message_extension.cpp
    options.cpp
    prepared_message.cpp
    rfc6455.cpp
    support/allocation_counter.cpp
    utf8.cpp)

# Those of permessage-deflate, which need zlib.
set(framewire_deflate_tests
    deflate/detail/zlib.cpp
    deflate/permessage_deflate.cpp
    deflate/permessage_deflate/memory.cpp
    deflate/permessage_deflate/random.cpp
    deflate/permessage_deflate/receiving.cpp
    deflate/permessage_deflate/sending.cpp
    support/allocation_counter.cpp)

# Those of known attacks, for which the same holds.
set(framewire_threat_tests
    threats/compression.cpp
    threats/cross_protocol.cpp
    threats/handshake.cpp
    threats/integer_lengths.cpp
    threats/legal_traffic.cpp
    threats/memory_limits.cpp
    support/allocation_counter.cpp)
