// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// node server.js [CERTIFICATE KEY]: echoes, on a free port, which is the first line of the output.
// Obeys "please ping", "please close" and "please vanish", and prints how connections close.
'use strict';

const fs = require('fs');
const { WebSocketServer } = require('ws');

const [certificate, key] = process.argv.slice(2);
const web = certificate
    ? require('https').createServer({
        cert: fs.readFileSync(certificate), key: fs.readFileSync(key) })
    : require('http').createServer();

const server = new WebSocketServer({
    server: web,
    maxPayload: 16 << 20,
    perMessageDeflate: { threshold: 0 }, // with clients that offer it
    handleProtocols: (offered) => offered.has('echo') && 'echo',
});

server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
        const text = isBinary ? '' : data.toString();
        if (text === 'please ping') return socket.ping('from the server');
        if (text === 'please close') return socket.close(4001, 'bye');
        if (text === 'please vanish') return socket.terminate();
        socket.send(data, { binary: isBinary });
    });
    socket.on('close', (code, reason) => console.log(`closed ${code} ${reason}`));
    socket.on('error', (error) => console.error(error.message));
});

web.listen(0, 'localhost', () => console.log(web.address().port));
