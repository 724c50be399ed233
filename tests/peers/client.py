# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""client.py [--plain] URL [CA]: talks to a server that echoes, and fails unless all is as it should be.

The first connection is closed from here, the second by the server, who is asked to, and the third
from here without a reason. --plain: the server echoes only, so there is no second connection.
"""

import asyncio
import ssl
import sys

import websockets


async def echo(socket, data):
    await socket.send(data)
    answer = await socket.recv()
    assert answer == data, len(answer)


async def main(url, authority=None, plain=False):
    context = ssl.create_default_context(cafile=authority) if authority else None

    first = await websockets.connect(url, ssl=context, subprotocols=["other", "echo"])
    assert first.subprotocol == "echo", first.subprotocol
    await echo(first, "h\u00e9llo \u20ac \U0001f600")
    await echo(first, "")
    for size in 0, 2, 125, 126, 65535, 65536, 1 << 20:
        await echo(first, bytes((i * 7 + i // 251) & 255 for i in range(size)))
    await echo(first, "\u20ac" * 100000)
    await (await first.ping("p"))
    await first.send(["\u20ac in", " parts"])
    answer = await first.recv()
    assert answer == "\u20ac in parts", answer
    await first.close(4000, "done")
    assert first.close_code == 4000, first.close_code

    if not plain:
        second = await websockets.connect(url, ssl=context)
        await second.send("please close")
        await second.wait_closed()
        assert (second.close_code, second.close_reason) == (4001, "bye"), second.close_code

    third = await websockets.connect(url, ssl=context)
    await third.close()
    assert (third.close_code, third.close_reason) == (1000, ""), third.close_code
    print("echoes are right")


words = sys.argv[1:]
plain = words[0] == "--plain"
asyncio.run(main(*words[plain:], plain=plain))
