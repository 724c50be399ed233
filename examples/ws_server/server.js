// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The server of the chat: greets each client and sends every message back.
//
//     npm install && node server.js [port [host]]       or by the environment: PORT, HOST
//
// What to learn from it: this is a whole WebSocket server, and nothing in it knows of Framewire.
// ws_client.qml talks to it because both speak RFC 6455. Try ../ws_server_qml instead: the client
// cannot tell the difference.

'use strict';

const { WebSocketServer } = require('ws');

const port = Number(process.argv[2] ?? process.env.PORT ?? 3000);
const host = process.argv[3] ?? process.env.HOST ?? 'localhost';

const server = new WebSocketServer({ port, host });
let clients = 0;

server.on('listening', () => {
  const at = server.address();
  const name = at.family === 'IPv6' ? `[${at.address}]` : at.address;
  console.log(`listening on ws://${name}:${at.port}`);
});

server.on('error', (error) => {
  console.error(error.code === 'EADDRINUSE' ? `port ${port} is in use` : error.message);
  process.exit(1);
});

server.on('connection', (socket, request) => {
  const name = `client ${++clients}`;
  console.log(`${name}: open, from ${request.socket.remoteAddress}`);

  socket.send('Welcome to Awesome Chat');

  // A message is text or bytes, and goes back as what it was.
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));

  // Whatever breaks the protocol is reported here; ws closes the connection by itself.
  socket.on('error', (error) => console.log(`${name}: ${error.message}`));
  socket.on('close', (code, reason) => console.log(`${name}: closed, ${code} ${reason}`.trimEnd()));
});

// 1001 tells the clients that the server goes away; a client that does not answer is dropped.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const socket of server.clients) socket.close(1001, 'The server is shutting down');
    server.close(() => process.exit(0));
    setTimeout(() => process.exit(0), 2000).unref();
  });
}
