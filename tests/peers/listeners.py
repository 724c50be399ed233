# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# listeners.py URL COUNT: connects so many times, says "ready" once all are open, and then what each
# receives: `0 text hello`, `1 binary 0102`. Ends once the server has closed all.

import asyncio
import sys

import websockets


async def listen(number, socket):
    try:
        async for message in socket:
            binary = isinstance(message, bytes)
            text = message.hex() if binary else message
            shown = text if len(text) <= 40 else f"{len(text)} long"
            print(number, "binary" if binary else "text", shown, flush=True)
    except websockets.ConnectionClosed:
        pass
    print(number, "closed", socket.close_code, socket.close_reason, flush=True)


async def main():
    url, count = sys.argv[1], int(sys.argv[2])
    sockets = [await websockets.connect(url) for _ in range(count)]
    first = sockets[0]
    extensions = (first if hasattr(first, "extensions") else first.protocol).extensions
    print("ready", ", ".join(e.name for e in extensions), flush=True)
    await asyncio.gather(*(listen(i, socket) for i, socket in enumerate(sockets)))


asyncio.run(main())
