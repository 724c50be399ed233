// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// node client.js [--plain] URL [CA]: talks to a server that echoes, and fails unless all is as it
// should be. The first connection is closed from here, the second by the server, who is asked to,
// and the third from here without a reason. --plain: the server echoes only, so there is no second.
'use strict';

const assert = require('assert');
const fs = require('fs');
const { once } = require('events');
const { WebSocket } = require('ws');

const words = process.argv.slice(2);
const plain = words[0] === '--plain';
const [url, authority] = plain ? words.slice(1) : words;
const options = authority ? { ca: fs.readFileSync(authority) } : {};

async function echo(socket, data) {
    const answer = once(socket, 'message');
    socket.send(data);
    const [got, isBinary] = await answer;
    assert.strictEqual(isBinary, typeof data !== 'string');
    assert.ok(Buffer.from(data).equals(got));
}

async function main() {
    const first = new WebSocket(url, ['other', 'echo'], options);
    await once(first, 'open');
    assert.strictEqual(first.protocol, 'echo');
    await echo(first, 'h\u00e9llo \u20ac \u{1f600}');
    await echo(first, '');
    for (const size of [0, 2, 125, 126, 65535, 65536, 1 << 20]) {
        await echo(first, Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 7 + i / 251)));
    }
    await echo(first, '\u20ac'.repeat(100000));
    const pong = once(first, 'pong');
    first.ping('p');
    assert.strictEqual(String((await pong)[0]), 'p');
    const fragmented = once(first, 'message');
    first.send('\u20ac in', { fin: false });
    first.send(' parts', { fin: true });
    assert.strictEqual(String((await fragmented)[0]), '\u20ac in parts');
    first.close(4000, 'done');
    assert.strictEqual((await once(first, 'close'))[0], 4000);

    if (!plain) {
        const second = new WebSocket(url, options);
        await once(second, 'open');
        second.send('please close');
        const [code, reason] = await once(second, 'close');
        assert.strictEqual(code, 4001);
        assert.strictEqual(String(reason), 'bye');
    }

    const third = new WebSocket(url, options);
    await once(third, 'open');
    third.close(1000);
    assert.strictEqual((await once(third, 'close'))[0], 1000);
    console.log('echoes are right');
}

main();
