# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""proxies.py PROGRAMS nginx|haproxy|connect [tls]: with a proxy between our programs.

    nginx, haproxy  a reverse proxy before our servers; tls: it ends TLS
    connect         console_chat goes out through a proxy that wants a password
"""

import base64
import os
import select
import socket
import threading

from peers import console_chat, peer, server_port, start_echo_server
from support import (PATIENCE, Program, certificate, check, expect_success, folder,
                     listening_socket, main, tool)

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} {ssl};
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""

HAPROXY = """
defaults
    mode http
    retries 0
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend in
    bind fd@{socket} {ssl}
    default_backend out
backend out
    server one 127.0.0.1:{behind}
"""


def start_nginx(behind, tls):
    program = tool("nginx", "nginx-light")
    listening = listening_socket()
    port = listening.getsockname()[1]
    config = os.path.join(folder(), f"nginx-{port}.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(NGINX.format(
            folder=folder(), port=port, behind=behind, ssl="ssl" if tls else "",
            certificate=certificate("good.pem"), key=certificate("good.key")))
    # The variable in which an nginx leaves its sockets to the next one.
    Program(program, "-e", "stderr", "-p", folder(), "-c", config, inherit=[listening.fileno()],
            environment={"NGINX": f"{listening.fileno()};"})
    listening.close()
    return port


def start_haproxy(behind, tls):
    program = tool("haproxy", "haproxy")
    listening = listening_socket()
    port = listening.getsockname()[1]
    ssl = ""
    if tls:
        both = os.path.join(folder(), "both.pem")
        with open(both, "w", encoding="utf-8") as file:
            for part in "good.pem", "good.key":
                with open(certificate(part), encoding="utf-8") as source:
                    file.write(source.read())
        ssl = f"ssl crt {both}"
    config = os.path.join(folder(), f"haproxy-{port}.cfg")
    with open(config, "w", encoding="utf-8") as file:
        file.write(HAPROXY.format(socket=listening.fileno(), behind=behind, ssl=ssl))
    Program(program, "-db", "-f", config, inherit=[listening.fileno()])
    listening.close()
    return port


def url(port, tls):
    return f"{'wss' if tls else 'ws'}://localhost:{port}/path?query"


def authority(tls, option=()):
    return [*option, certificate("ca.pem")] if tls else []


def behind_a_reverse_proxy(programs, start_proxy, tls):
    # The obedient server closes by itself, too.
    server = peer(programs, "framewire", "server")
    port = start_proxy(server_port(server), tls)
    for name in ["ws", "framewire"]:
        expect_success(peer(programs, name, "client", url(port, tls), *authority(tls)),
                       "echoes are right")
    server.wait_for(r"(^closed 4000 done[\s\S]*?^closed 4001 [\s\S]*?^closed 100[05][\s\S]*?){2}")

    # The programs that people start.
    server, port = start_echo_server(programs)
    port = start_proxy(port, tls)
    chat = console_chat(programs, *authority(tls, ["--ca"]), url(port, tls), lines="h\u00e9llo\n")
    expect_success(chat, "Welcome to Awesome Chat\n[\s\S]*?h\u00e9llo\n")
    server.end()
    chat = console_chat(programs, *authority(tls, ["--ca"]), url(port, tls))
    check(chat.wait() == 3, "the proxy has nobody behind it, and refuses")
    check("50" in chat.output, "the status of the refusal is told")


class ConnectProxy(threading.Thread):
    """An HTTP proxy that knows CONNECT and one user, and remembers what it was asked for."""

    def __init__(self, user, password):
        super().__init__(daemon=True)
        self.wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.requests = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.start()

    def run(self):
        while True:
            connection, _ = self.listening.accept()
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            block = client.recv(4096)
            if not block:
                return
            head += block
        # A client must not send more before it has the answer.
        lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:-2]:
            name, value = line.split(":", 1)
            fields[name.strip().lower()] = value.strip()
        self.requests.append(lines[0])
        method, target, _ = lines[0].split(" ")
        if method != "CONNECT":
            client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        elif fields.get("proxy-authorization") != self.wanted:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                           b'Proxy-Authenticate: Basic realm="tests"\r\n'
                           b"Content-Length: 0\r\n\r\n")
        else:
            self.open_tunnel(client, *target.rsplit(":", 1))
        client.close()

    def open_tunnel(self, client, host, port):
        try:
            server = socket.create_connection((host, int(port)), PATIENCE)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        with server:
            # No Content-Length here: what follows is the tunnel.
            client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 tests\r\n\r\n")
            self.carry(client, server)

    @staticmethod
    def carry(client, server):
        other = {client: server, server: client}
        open_ones = {client, server}
        while open_ones:
            for side in select.select(list(open_ones), [], [], PATIENCE)[0]:
                try:
                    block = side.recv(65536)
                    if block:
                        other[side].sendall(block)
                        continue
                    open_ones.discard(side)
                    other[side].shutdown(socket.SHUT_WR)
                except OSError:
                    return


def test_connect(programs, tls=None):
    proxy = ConnectProxy("us\u00e9r", "p:ss@word")
    server, port = start_echo_server(programs, tls=tls)
    target = url(port, tls)
    words = [*authority(tls, ["--ca"]), "--proxy"]
    right = f"http://us%C3%A9r:p%3Ass%40word@localhost:{proxy.port}"
    expect_success(console_chat(programs, *words, right, target, lines="through\n"),
                   "Welcome to Awesome Chat\n[\s\S]*?through\n")
    check(proxy.requests == [f"CONNECT localhost:{port} HTTP/1.1"], f"it asked: {proxy.requests}")

    for wrong in f"http://localhost:{proxy.port}", f"http://user:guess@localhost:{proxy.port}":
        chat = console_chat(programs, *words, wrong, target, lines="through\n")
        check(chat.wait() == 1, "the proxy refuses")
        check("407" in chat.output, "the status of the proxy's refusal is told")
    server.end()
    chat = console_chat(programs, *words, right, target, lines="through\n")
    check(chat.wait() == 1, "the proxy reaches nobody")
    check("502" in chat.output, "the status of the proxy's refusal is told")


def test_nginx(programs, tls=None):
    behind_a_reverse_proxy(programs, start_nginx, tls)


def test_haproxy(programs, tls=None):
    behind_a_reverse_proxy(programs, start_haproxy, tls)


if __name__ == "__main__":
    main({"nginx": test_nginx, "haproxy": test_haproxy, "connect": test_connect})
