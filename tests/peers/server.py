# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""server.py [CERTIFICATE KEY]: echoes, on a free port, which is the first line of the output.

Obeys "please ping", "please close" and "please vanish", and prints how connections close.
"""

import asyncio
import ssl
import sys

import websockets


async def handle(socket, *_):
    try:
        async for message in socket:
            if message == "please ping":
                await socket.ping("from the server")
            elif message == "please close":
                await socket.close(4001, "bye")
            elif message == "please vanish":
                socket.transport.abort()
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    await socket.wait_closed()
    print("closed", socket.close_code, socket.close_reason, flush=True)


def choose(*words):
    # Version 10 of websockets gives what the client offers and what the server has; 14 the connection
    # and what the client offers, and refuses whoever offers nothing if nobody chooses.
    offered = words[0] if isinstance(words[0], list) else words[1]
    return "echo" if "echo" in offered else None


async def main():
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = await websockets.serve(
        handle, "localhost", 0, ssl=context, subprotocols=["echo"], select_subprotocol=choose,
        max_size=16 << 20,
    )
    # One of them, if localhost has two addresses: clients try both.
    print(next(iter(server.sockets)).getsockname()[1], flush=True)
    await asyncio.Future()


asyncio.run(main())
