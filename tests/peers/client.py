# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""client.py URL [CA]: talks to a server that echoes, and fails unless all is as it should be.

The first connection is closed from here, the second by the server, who is asked to.
"""

import asyncio
import ssl
import sys

import websockets


async def echo(socket, data):
    await socket.send(data)
    answer = await socket.recv()
    assert answer == data, len(answer)


async def main():
    url = sys.argv[1]
    context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None

    first = await websockets.connect(url, ssl=context, subprotocols=["other", "echo"])
    assert first.subprotocol == "echo", first.subprotocol
    await echo(first, "h\u00e9llo")
    await echo(first, "")
    await echo(first, b"\x00\xff")
    await echo(first, b"b" * 1000000)
    await echo(first, "\u20ac" * 100000)
    await (await first.ping("p"))
    await first.send(["\u20ac in", " parts"])
    answer = await first.recv()
    assert answer == "\u20ac in parts", answer
    await first.close(4000, "done")
    assert first.close_code == 4000, first.close_code

    second = await websockets.connect(url, ssl=context)
    await second.send("please close")
    await second.wait_closed()
    assert (second.close_code, second.close_reason) == (4001, "bye"), second.close_code
    print("echoes are right")


asyncio.run(main())
