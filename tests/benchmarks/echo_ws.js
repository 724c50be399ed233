// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on npm's ws, without permessage-deflate. What `run` installs has its add-on for
// masking, too.
'use strict';

const { WebSocketServer } = require('ws');

const server = new WebSocketServer({
    host: '127.0.0.1',
    port: Number(process.argv[2] || 0),
    backlog: 4096,
    perMessageDeflate: false,
});
server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => socket.terminate());
});
server.on('listening', () => console.log(`listening on ${server.address().port}`));
