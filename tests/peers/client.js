// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// node client.js URL [CA]: talks to a server that echoes, and fails unless all is as it should be.
// The first connection is closed from here, the second by the server, who is asked to.
'use strict';

const assert = require('assert');
const fs = require('fs');
const { once } = require('events');
const { WebSocket } = require('ws');

const [url, authority] = process.argv.slice(2);
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
    await echo(first, 'h\u00e9llo');
    await echo(first, '');
    await echo(first, Buffer.from([0, 255]));
    await echo(first, Buffer.alloc(1000000, 'b'));
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

    const second = new WebSocket(url, options);
    await once(second, 'open');
    second.send('please close');
    const [code, reason] = await once(second, 'close');
    assert.strictEqual(code, 4001);
    assert.strictEqual(String(reason), 'bye');
    console.log('echoes are right');
}

main();
