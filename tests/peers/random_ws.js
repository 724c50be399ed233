// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client and a server made of npm's ws: see random_stream.hpp, of which this is the like.
//
//     node random_ws.js client URL SEED MESSAGES [deflate [NAME[=NUMBER]]...]
//     node random_ws.js server SEED [deflate [NAME[=NUMBER]]...]
'use strict';

const { once } = require('events');
const { WebSocket, WebSocketServer } = require('ws');

// The generator mulberry32.
class Dice {
    constructor(seed) { this.state = seed | 0; }
    below(bound) {
        this.state = (this.state + 0x6D2B79F5) | 0;
        let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) % bound;
    }
    oneIn(n) { return this.below(n) === 0; }
}

// How a Pong begins that answers no Ping.
const UNASKED = 0x21;

// Decides how a message goes out.
function cutUp(text, data, dice) {
    const bound = Math.max([4, 30, 130, 5000, 66000][dice.below(5)], Math.floor(data.length / 20));
    const whole = dice.oneIn(2);
    const message = { text, data, compress: !dice.oneIn(4), fragments: [] };
    let at = 0;
    for (let last = false; !last;) {
        const end = whole ? data.length : Math.min(data.length, at + dice.below(bound));
        const before = [];
        while (dice.oneIn(whole ? 10 : 5)) {
            const bytes = Array.from({ length: dice.below(126) }, () => dice.below(256));
            const ping = !dice.oneIn(3);
            if (!ping) bytes[0] = UNASKED;
            else if (bytes[0] === UNASKED) bytes[0] = 0;
            before.push({ ping, payload: Buffer.from(bytes) });
        }
        last = end === data.length && (whole || !dice.oneIn(4));
        message.fragments.push({ before, part: data.subarray(at, end) });
        at = end;
    }
    return message;
}

class MessageSource {
    constructor(dice) {
        this.dice = dice;
        this.history = { text: '', binary: '' };
    }
    size() {
        if (this.dice.oneIn(300)) return this.dice.below(300 << 10);
        if (this.dice.oneIn(60)) return 65535 + this.dice.below(2);
        if (this.dice.oneIn(4)) return [0, 1, 125, 126, 127][this.dice.below(5)];
        return this.dice.below(this.dice.oneIn(3) ? 3000 : 60);
    }
    characters(count, text) {
        const codes = [];
        for (let i = 0; i < count; ++i) {
            const code = this.dice.below(256);
            if (!text) codes.push(code);
            else if (code < 16) codes.push(0x10000 + this.dice.below(0x100000));
            else if (code < 40) codes.push(0x1000 + this.dice.below(0xC800));
            else if (code < 64) codes.push(0x80 + this.dice.below(0x780));
            else codes.push(code & 0x7F);
        }
        return codes.map((code) => String.fromCodePoint(code)).join('');
    }
    // A string of characters, or of bytes.
    content(text, size) {
        const history = text ? this.history.text : this.history.binary;
        let result = '';
        for (let length = 0; length < size;) {
            const some = 1 + this.dice.below(16 + Math.floor(size / 4));
            let piece = '';
            switch (this.dice.below(4)) {
            case 0: piece = this.characters(some, text); break;
            case 1: piece = this.characters(1, text).repeat(some); break;
            case 2: piece = this.copy(result, some); break;
            case 3: piece = this.copy(history, some); break;
            }
            result += piece;
            length += Buffer.byteLength(piece, text ? 'utf8' : 'latin1');
        }
        return result;
    }
    // No half of a surrogate pair is left alone.
    copy(from, size) {
        const begin = this.dice.below(from.length + 1);
        const copied = from.substring(begin, begin + size);
        return copied.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
    }
    next() {
        const text = this.dice.oneIn(2);
        const size = this.size();
        const content = this.content(text, size);
        const key = text ? 'text' : 'binary';
        this.history[key] += content;
        if (this.history[key].length > 160000) this.history[key] = this.history[key].slice(-40000);
        const all = Buffer.from(content, text ? 'utf8' : 'latin1');
        let end = size;
        while (text && end < all.length && (all[end] & 0xC0) === 0x80) --end;
        const data = Buffer.concat([all.subarray(0, end), Buffer.from('.'.repeat(size - end))]);
        return cutUp(text, data, this.dice);
    }
}

// Each Pong answers a Ping, in their order, and the last Ping is answered. Others need not be, when
// a later one is.
class PingWatch {
    constructor(socket) {
        this.waiting = [];
        this.last = this.answered = Buffer.alloc(0);
        socket.on('pong', (payload) => {
            if (payload[0] === UNASKED) return;
            const place = this.waiting.findIndex((sent) => sent.equals(payload));
            check(place >= 0, 'a Pong that answers no Ping');
            this.waiting.splice(0, place + 1);
            this.answered = payload;
        });
    }
    sent(payload) {
        this.waiting.push(payload);
        this.last = payload;
    }
    checkAllAnswered() {
        check(this.answered.equals(this.last), 'a Ping was not answered');
        this.waiting = [];
    }
}

function check(right, what) {
    if (!right) throw new Error(`wrong: ${what}`);
}

function send(socket, message, pings) {
    const { text, compress, fragments } = message;
    fragments.forEach(({ before, part }, i) => {
        for (const { ping, payload } of before) {
            if (ping) pings.sent(payload);
            if (ping) socket.ping(payload);
            else socket.pong(payload);
        }
        socket.send(part, { binary: !text, compress, fin: i + 1 === fragments.length });
    });
}

function deflateOptions([on, ...words]) {
    if (on !== 'deflate') return false;
    const wishes = Object.fromEntries(words.map((word) => word.split('=')));
    const number = (name) => (name in wishes ? Number(wishes[name]) : undefined);
    return {
        serverNoContextTakeover: 'server_no_context_takeover' in wishes || undefined,
        clientNoContextTakeover: 'client_no_context_takeover' in wishes || undefined,
        serverMaxWindowBits: number('server_max_window_bits'),
        clientMaxWindowBits: number('client_max_window_bits'),
        zlibDeflateOptions: { level: number('level'), memLevel: number('memory_level') },
        threshold: number('threshold') ?? 0,
    };
}

async function client(url, seed, messages, ...words) {
    const dice = new Dice(Number(seed));
    const source = new MessageSource(dice);
    let right = 0;
    let batch = [];
    const wrong = (error) => {
        console.log(`seed ${seed}, message ${right + 1}: ${error.message}`);
        if (batch.length > 0) {
            const { text, data, compress, fragments } = batch[0];
            const sizes = fragments.map(({ part }) => part.length).join(' ');
            console.log(`it was: ${data.length} bytes, text: ${text}, may be compressed: `
                + `${compress}, in fragments: ${sizes}`);
        }
        process.exit(1);
    };
    process.on('uncaughtException', wrong);

    const socket = new WebSocket(url, { perMessageDeflate: deflateOptions(words) });
    const pings = new PingWatch(socket);
    const sendBatch = () => {
        if (right === Number(messages)) return socket.close(4000, 'done');
        let size = 0;
        for (let many = 1 + dice.below(12);
            many > 0 && size < 32768 && right + batch.length < Number(messages); --many) {
            batch.push(source.next());
            size += batch[batch.length - 1].data.length;
        }
        for (const message of batch) send(socket, message, pings);
    };
    socket.on('open', sendBatch);
    socket.on('message', (data, isBinary) => {
        check(batch.length > 0, 'a message more than was sent');
        const sent = batch[0];
        check(sent.text === !isBinary, isBinary ? 'the echo is not text' : 'the echo is text');
        if (!sent.data.equals(data)) {
            const place = data.findIndex((byte, i) => byte !== sent.data[i]);
            check(false, `the echo has ${data.length} bytes, and differs from byte `
                + `${place < 0 ? data.length : place} on`);
        }
        batch.shift();
        ++right;
        if (batch.length > 0) return;
        pings.checkAllAnswered();
        sendBatch();
    });
    const [code] = await once(socket, 'close');
    check(code === 4000, `how it closed: ${code}`);
    check(right === Number(messages), 'the number of messages');
    const compressed = socket.extensions !== '';
    const word = compressed ? 'with' : 'without';
    console.log(`${right} messages are right, ${word} permessage-deflate`);
}

async function server(seed, ...words) {
    const dice = new Dice(Number(seed));
    const listening = new WebSocketServer({
        host: '127.0.0.1', port: 0, perMessageDeflate: deflateOptions(words) });
    listening.on('listening', () => console.log(listening.address().port));
    const [socket] = await once(listening, 'connection');
    listening.close();
    const pings = new PingWatch(socket);
    socket.on('message', (data, isBinary) => send(socket, cutUp(!isBinary, data, dice), pings));
    const [code, reason] = await once(socket, 'close');
    console.log(`closed ${code} ${reason}`);
    pings.checkAllAnswered();
}

const [role, ...words] = process.argv.slice(2);
({ client, server })[role](...words);
