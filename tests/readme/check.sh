#!/bin/sh
# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
#
# check.sh <echo server>: talks to it as a client would, and compares its answer byte by byte.
set -eu

answer=$(
    {
        # RFC 6455 1.3
        printf 'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n'
        printf 'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
        printf 'Sec-WebSocket-Version: 13\r\n\r\n'
        # RFC 6455 5.7: a masked "Hello"; then a Close with 1000
        printf '\201\205\067\372\041\075\177\237\115\121\130'
        printf '\210\202\000\000\000\000\003\350'
    } | "$1" | od -An -c -v | tr -d ' \n'
)
printf 'answered: %s\n' "$answer"

case $answer in
    'HTTP/1.1101'*'Sec-WebSocket-Accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo='*'\r\n\r\n201005Hello210002003350') ;;
    *) exit 1 ;;
esac
