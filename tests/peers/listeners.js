// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// node listeners.js URL COUNT [CA]: connects so many times, says "ready" once all are open, and
// then what each receives: `0 text hello`, `1 binary 0102`. Ends once the server has closed all.
// COUNT "stalled": one that says "stalled" and reads nothing any more.
'use strict';

const fs = require('fs');
const { once } = require('events');
const { WebSocket } = require('ws');

const [url, count, authority] = process.argv.slice(2);
const options = authority ? { ca: fs.readFileSync(authority) } : {};

function shown(data, isBinary) {
    const text = isBinary ? data.toString('hex') : String(data);
    return text.length > 40 ? `${text.length} long` : text;
}

async function main() {
    const sockets = [];
    for (let i = 0; i < (count === 'stalled' ? 1 : Number(count)); ++i) {
        const socket = new WebSocket(url, options);
        socket.on('message', (data, isBinary) => console.log(`${i} ${isBinary ? 'binary' : 'text'} ${shown(data, isBinary)}`));
        socket.on('close', (code, reason) => console.log(`${i} closed ${code} ${reason}`));
        await once(socket, 'open');
        sockets.push(socket);
    }
    if (count === 'stalled') {
        sockets[0]._socket.pause();
        console.log('stalled');
        setInterval(() => {}, 1000);
    } else {
        console.log(`ready ${sockets[0].extensions}`);
    }
}

main();
