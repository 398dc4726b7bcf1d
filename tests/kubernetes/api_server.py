"""An API server that answers exec as badly as a test wants: a behaviour is a function that is given each connection."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
STDIN, STDOUT, STDERR, ERROR = 0, 1, 2, 3

SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
# Longer than any wait of a test: a test that gets here hangs, and says so instead.
PATIENCE_S = 15.0


def failure(code: int) -> dict[str, Any]:
    """The status of a command that ended with `code`, as an API server writes it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


@dataclass
class Peer:
    """The server's end of one connection."""

    raw: socket.socket
    path: str = ""
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def read_request(self) -> None:
        """Read the head of a request."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = self.raw.recv(1)
            if not part:
                raise ConnectionResetError
            head += part
        first, *lines = head.decode().split("\r\n")
        target = urlsplit(first.split()[1])
        self.path, self.query = target.path, parse_qsl(target.query)
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def refuse(self, code: int, body: bytes, *headers: str, length: bool = True) -> None:
        """Answer with an error."""
        lines = [f"HTTP/1.1 {code} Refused", *headers, *([f"Content-Length: {len(body)}"] if length else []), "", ""]
        self.raw.sendall("\r\n".join(lines).encode() + body)

    def answer(self, *known: str) -> bytes:
        """Return the answer that opens a websocket; the first protocol offered that is known is chosen."""
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        digest = hashlib.sha1(f"{self.headers['sec-websocket-key']}{guid}".encode(), usedforsecurity=False).digest()
        offered = [name.strip() for name in self.headers["sec-websocket-protocol"].split(",")]
        chosen = [name for name in offered if name in (known or (V5, V4))][:1]
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
            *(f"Sec-WebSocket-Protocol: {name}" for name in chosen),
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def accept(self, *known: str) -> None:
        """Read a request and open the websocket."""
        self.read_request()
        self.raw.sendall(self.answer(*known))

    def output(self, data: bytes, channel: int = STDOUT) -> None:
        """Send output of the command."""
        self.raw.sendall(frame(BINARY, bytes([channel]) + data))

    def end(self, status: Mapping[str, Any]) -> None:
        """Send the status, and close as a server does."""
        self.output(json.dumps(status).encode(), ERROR)
        self.raw.sendall(frame(CLOSE, struct.pack("!H", 1000)))

    def read_frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame of the client."""
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._exactly(8))
        mask = self._exactly(4)
        payload = self._exactly(length)
        return first & 0xF, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))

    def wait_for_the_end(self) -> None:
        """Read and answer nothing until the client hangs up."""
        while self.raw.recv(1 << 16):
            pass

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.raw.recv(size - len(data))
            if not part:
                raise ConnectionResetError
            data += part
        return data


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a frame as a server sends it: not masked."""
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 1 << 16:
        return head + bytes([126]) + struct.pack("!H", len(payload)) + payload
    return head + bytes([127]) + struct.pack("!Q", len(payload)) + payload


Behaviour = Callable[[Peer], None]


class ApiServer:
    """Listens on 127.0.0.1; `peers` are the connections so far."""

    def __init__(self, behave: Behaviour, context: ssl.SSLContext | None) -> None:
        self.peers: list[Peer] = []
        self.faults: list[BaseException] = []
        self._behave = behave
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept, name="api server")]
        self._threads[0].start()

    def close(self) -> None:
        """Cut every connection and wait for every thread."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(PATIENCE_S)
        self._listener.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.raw.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self._listener.accept()
                raw.settimeout(PATIENCE_S)
                peer = Peer(raw)
                self.peers.append(peer)
                self._threads.append(threading.Thread(target=self._serve, args=(peer,), name="api server's peer"))
                self._threads[-1].start()

    def _serve(self, peer: Peer) -> None:
        try:
            if self._context is not None:
                peer.raw = self._context.wrap_socket(peer.raw, server_side=True)
            self._behave(peer)
        except OSError:
            pass  # the client hung up, which is its right
        except BaseException as fault:  # noqa: BLE001 - shown by the test that started us
            self.faults.append(fault)
        finally:
            peer.raw.close()


@contextmanager
def serving(behave: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[ApiServer]:
    """Yield a server; afterwards nothing of it is left."""
    server = ApiServer(behave, context)
    try:
        yield server
    finally:
        server.close()
    assert server.faults == []
