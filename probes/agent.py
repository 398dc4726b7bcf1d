#!/usr/bin/env python3
"""Answer probes, log the nonces that arrive, and probe others on request.

    agent.py serve --name NAME [--listen PORT/PROTO ...] [--source-ports LOW-HIGH]
    agent.py attach --name NAME

Runs inside a pod: one file, standard library only, Python 3.9 or newer, Linux. A single
thread and one epoll loop serve and probe. `serve` takes its orders, JSON lines, on an
abstract Unix socket, which lives in the pod's own network namespace and is bound after
every listener: once it can be connected to, the agent is ready. `attach` joins that socket to
stdin and stdout. The orders and replies are described in README.md beside this file.

Nothing happens at import time and no state is kept in the module, so that a process may
import it once, fork, change its network namespace and call `main` in each child.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import heapq
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

VERSION = 1
MAX_LINE = 8 * 1024 * 1024
MAX_PENDING_OUTPUT = 64 * 1024 * 1024
MAX_NONCE = 128
MAX_REQUEST_HEAD = 16 * 1024
MAX_ANSWER = 64 * 1024
MAX_TIMEOUT_S = 120.0
MAX_CLIENTS = 2000
CLIENT_PATIENCE_S = 15.0
LOG_SIZE = 200_000
LOG_PAGE = 20_000
RAW_SHOWN = 200
# A conntrack entry for UDP lives up to 180 s: a port that is used again before meets it, and
# may pass a policy that denies it.
PORT_REST_S = 180.0
SOURCE_PORTS = (20000, 60999)
# New probes are started a few at a time, so that answers are read meanwhile and are not counted as slow.
STARTS_A_TURN = 16
TOOLS_AT_ONCE = 12
# nc and curl have to start before they can probe: 10 to 200 ms on a busy machine.
TOOL_GRACE_S = 0.5
HEARTBEAT_S = 0.025
# Replies wait for each other so long, and no more of them.
HOLD_S = 0.1
HELD = 500
UDP_COPIES_AT = (0.3, 0.6)

IPPROTO_SCTP = 132
IP_PKTINFO = 8
IP_RECVERR = 11
IPV6_RECVERR = 25
IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50
MSG_ERRQUEUE = 0x2000
FROM_ICMP = (2, 3)

Reply = dict[str, Any]
Address = tuple[Any, ...]


def main(argv: list[str]) -> int:
    """Run one command and return its exit status; `serve` ends with the process."""
    try:
        options = _options(argv)
    except ValueError as fault:
        sys.stderr.write(
            f"agent: {fault}\nusage: agent.py serve --name NAME [--listen PORT/PROTO ...]"
            " [--source-ports LOW-HIGH]\n       agent.py attach --name NAME\n"
        )
        return 2
    try:
        if options["command"] == "attach":
            return attach(options["name"])
        return serve(options["name"], options["listen"], options["source_ports"])
    except OSError as fault:
        sys.stderr.write(f"agent: {options['command']} --name {options['name']}: {fault}\n")
        return 1


def _options(argv: list[str]) -> dict[str, Any]:
    """Read the arguments by hand: argparse would double the time to start."""
    if not argv or argv[0] not in ("serve", "attach"):
        raise ValueError("expected a command: serve or attach")
    options: dict[str, Any] = {"command": argv[0], "name": "", "listen": [], "source_ports": SOURCE_PORTS}
    words = iter(argv[1:])
    for word in words:
        flag, joined, value = word.partition("=")
        if flag not in ("--name", "--listen", "--source-ports"):
            raise ValueError(f"unknown argument {word!r}")
        if not joined:
            value = next(words, "")
        if flag == "--name":
            options["name"] = value
        elif flag == "--listen":
            options["listen"].append(_listener(value))
        else:
            low, _, high = value.partition("-")
            options["source_ports"] = (_port(low), _port(high))
    if not options["name"]:
        raise ValueError("--name is missing")
    if options["source_ports"][0] > options["source_ports"][1]:
        raise ValueError("--source-ports: expected LOW-HIGH")
    return options


def _listener(text: str) -> tuple[int, str]:
    port, _, protocol = text.partition("/")
    protocol = protocol or "TCP"
    if protocol not in ("TCP", "UDP", "SCTP"):
        raise ValueError(f"--listen {text}: expected PORT/TCP, PORT/UDP or PORT/SCTP")
    return _port(port), protocol


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{text!r} is no port: expected 1 to 65535")
    return int(text)


def control_address(name: str) -> bytes:
    """Return the address of an agent's control socket; of a very long name the last 90 bytes count."""
    return b"\0netpol-agent:" + os.fsencode(name)[-90:]


def attach(name: str) -> int:
    """Relay stdin and stdout to the control socket of the agent called `name`, until either ends."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.connect(control_address(name))
    poller = select.poll()
    poller.register(0, select.POLLIN)
    poller.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            try:
                data = os.read(descriptor, 65536)
                if not data:
                    return 0
                if descriptor == 0:
                    control.sendall(data)
                else:
                    view = memoryview(data)
                    while view:
                        view = view[os.write(1, view) :]
            except (BrokenPipeError, ConnectionResetError):
                return 0


def serve(name: str, listeners: list[tuple[int, str]], source_ports: tuple[int, int]) -> int:
    """Listen, then take orders until the process is told to end; returns only by an error."""
    loop = Loop()
    tools = Tools(loop)

    def leave(*_: object) -> NoReturn:
        # As PID 1 of a container the default action of SIGTERM is to ignore it.
        tools.kill()
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    descriptors = _raise_descriptor_limit()
    log = ArrivalLog()
    servers = Servers(loop, log, name, listeners)
    ports = SourcePorts(source_ports, {port for port, _ in listeners})
    prober = Prober(loop, ports, tools, max(64, min(8000, descriptors - 512)))
    Control(loop, name, servers, log, prober)
    while True:
        loop.turn()


def _raise_descriptor_limit() -> int:
    import resource  # noqa: PLC0415  # not needed by attach

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if 0 < hard <= 65536 else 65536
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    except (OSError, ValueError):
        wanted = soft
    return max(soft, wanted)


# ---------------------------------------------------------------------------- the loop


class Timer:
    """An action that is due; cancelled by forgetting the action."""

    __slots__ = ("action", "due")

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forget the action."""
        self.action = None


class Loop:
    """Ready descriptors first, then what is due: a late wake-up must not look like silence."""

    def __init__(self) -> None:
        self.poller = select.epoll()
        self.handlers: dict[int, tuple[int, Callable[[int], None]]] = {}
        self.timers: list[tuple[float, int, Timer]] = []
        self.tasks: list[Callable[[], bool]] = []
        self.serial = 0
        self.turns = 0
        self.lag_s = 0.0
        self.busy = False

    def watch(self, descriptor: int, events: int, handler: Callable[[int], None]) -> None:
        """Call `handler` with the event mask whenever `descriptor` is ready."""
        self.poller.register(descriptor, events)
        self.handlers[descriptor] = (self.turns, handler)

    def change(self, descriptor: int, events: int, handler: Callable[[int], None]) -> None:
        """Wait for other events on a descriptor, or hand them to another handler."""
        self.poller.modify(descriptor, events)
        self.handlers[descriptor] = (self.handlers[descriptor][0], handler)

    def forget(self, descriptor: int) -> None:
        """Stop watching; a descriptor that is not watched is fine."""
        if self.handlers.pop(descriptor, None) is not None:
            with contextlib.suppress(OSError):  # closed already
                self.poller.unregister(descriptor)

    def at(self, due: float, action: Callable[[], None]) -> Timer:
        """Call `action` once `due` (monotonic time) has passed."""
        self.serial += 1
        timer = Timer(due, action)
        heapq.heappush(self.timers, (due, self.serial, timer))
        return timer

    def each_turn(self, task: Callable[[], bool]) -> None:
        """Call `task` once a turn; while it returns True there is more to do and nobody waits."""
        self.tasks.append(task)

    def turn(self) -> None:
        """Wait for something to do, and do it."""
        while self.timers and self.timers[0][2].action is None:
            heapq.heappop(self.timers)
        due = self.timers[0][0] if self.timers else None
        wait = -1.0 if due is None else max(0.0, due - time.monotonic())
        # As many events as there are descriptors: whatever is ready is seen before anything expires.
        events = self.poller.poll(0.0 if self.busy else wait, max(64, len(self.handlers)))
        now = time.monotonic()
        if due is not None and now > due:
            self.lag_s = max(self.lag_s, now - due)
        self.turns += 1
        for descriptor, mask in events:
            born, handler = self.handlers.get(descriptor, (self.turns, None))
            # A descriptor that was closed and reused during this turn has no event of its own yet.
            if handler is not None and born < self.turns:
                self._call(handler, mask)
        while self.timers and self.timers[0][0] <= now:
            action = heapq.heappop(self.timers)[2].action
            if action is not None:
                self._call(action)
        self.busy = False
        for task in self.tasks:
            self.busy = task() or self.busy

    @staticmethod
    def _call(action: Callable[..., None], *arguments: int) -> None:
        try:
            action(*arguments)
        except Exception as fault:  # noqa: BLE001  # whatever it is, the agent goes on serving
            sys.stderr.write(f"agent: {type(fault).__name__}: {fault}\n")


# ---------------------------------------------------------------------------- serving


class ArrivalLog:
    """The nonces that reached this pod, newest last; a ring that counts what it lost."""

    def __init__(self) -> None:
        self.entries: collections.deque[tuple[int, str, str, str]] = collections.deque(maxlen=LOG_SIZE)
        self.next = 0

    def add(self, nonce: bytes, listener: str, peer: Address) -> None:
        """Note a nonce, where it came in and who sent it."""
        text = nonce.decode("ascii", "backslashreplace")
        self.entries.append((self.next, text, listener, f"{peer[0]} {peer[1]}"))
        self.next += 1

    def since(self, sequence: int) -> dict[str, Any]:
        """Return one page of the entries from `sequence` on, and how many of them the ring has lost."""
        first = self.entries[0][0] if self.entries else self.next
        start = max(0, sequence - first)
        page = [self.entries[place] for place in range(start, min(len(self.entries), start + LOG_PAGE))]
        upto = page[-1][0] + 1 if page else self.next
        return {"arrivals": page, "next": upto, "more": upto < self.next, "lost": max(0, first - sequence)}


class Servers:
    """The listeners: HTTP over TCP and SCTP, an echo over UDP, each on IPv4 and IPv6."""

    def __init__(self, loop: Loop, log: ArrivalLog, name: str, listeners: list[tuple[int, str]]) -> None:
        self.loop = loop
        self.log = log
        self.name = os.fsencode(name)
        self.streams: list[tuple[socket.socket, str]] = []
        self.datagrams: list[tuple[socket.socket, str]] = []
        self.clients: dict[int, Client] = {}
        self.failed: dict[str, str] = {}
        self.opened: list[str] = []
        for port, protocol in listeners:
            self._listen(port, protocol)

    def _listen(self, port: int, protocol: str) -> None:
        label = f"{port}/{protocol}"
        faults: list[str] = []
        opened = 0
        for family, wildcard in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            try:
                listener = _server_socket(family, protocol, wildcard, port)
            except OSError as fault:
                if family == socket.AF_INET6 and fault.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    continue  # a host without IPv6 is fine
                faults.append(f"{_name(fault)} {fault.strerror}")
                continue
            opened += 1
            if protocol == "UDP":
                self.datagrams.append((listener, label))
                self.loop.watch(listener.fileno(), select.EPOLLIN, self._reader(listener, label))
            else:
                self.streams.append((listener, label))
                self.loop.watch(listener.fileno(), select.EPOLLIN, self._acceptor(listener, label))
        if opened:
            self.opened.append(label)
        if faults:
            self.failed[label] = "; ".join(dict.fromkeys(faults))

    def _acceptor(self, listener: socket.socket, label: str) -> Callable[[int], None]:
        return lambda _: self.accept(listener, label)

    def _reader(self, listener: socket.socket, label: str) -> Callable[[int], None]:
        return lambda _: self.echo(listener, label)

    def drain(self) -> None:
        """Take in all that the kernel holds for us: what is there has arrived."""
        for listener, label in self.datagrams:
            self.echo(listener, label, 1_000_000)
        for listener, label in self.streams:
            self.accept(listener, label, 1_000_000)
        for client in list(self.clients.values()):
            client.read()

    def check(self) -> dict[str, str]:
        """Return the listeners that are not as they were opened, with what is wrong."""
        broken = dict(self.failed)
        for listener, label in self.streams + self.datagrams:
            try:
                fault = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if fault:
                    broken[label] = errno.errorcode.get(fault, str(fault))
            except OSError as gone:
                broken[label] = _name(gone)
        return broken

    def accept(self, listener: socket.socket, label: str, limit: int = 64) -> None:
        """Take in up to `limit` waiting connections."""
        for _ in range(limit):
            try:
                connection, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError as fault:
                if fault.errno in (errno.EMFILE, errno.ENFILE):
                    self._drop_oldest()
                return
            if len(self.clients) >= MAX_CLIENTS:
                self._drop_oldest()
            connection.setblocking(False)
            client = Client(self, connection, label, peer)
            self.clients[connection.fileno()] = client
            # The request is usually there already, and an answer now saves a turn.
            client.read()

    def _drop_oldest(self) -> None:
        for client in self.clients.values():
            client.close()
            return

    def echo(self, listener: socket.socket, label: str, limit: int = 64) -> None:
        """Answer up to `limit` waiting datagrams."""
        for _ in range(limit):
            try:
                data, notes, _, peer = listener.recvmsg(65536, 128)
            except BlockingIOError:
                return
            except OSError:
                return  # an ICMP error that an earlier echo caused; the next turn reads on
            line, newline, rest = data.partition(b"\n")
            nonce = line.strip()
            if not newline or not _is_nonce(nonce):
                continue
            self.log.add(nonce, label, peer)
            answer = nonce + b" " + self.name + b"\n" + rest
            with contextlib.suppress(OSError):  # the prober sends copies
                # From the address that was asked, which need not be the one routing would choose.
                listener.sendmsg([answer[:65507]], _reply_from(notes), 0, peer)

    def answer(self, head: bytes) -> tuple[bytes | None, bytes]:
        """Return the nonce asked for, if there is one, and the HTTP answer."""
        words = head.split(None, 2)
        nonce = words[1].lstrip(b"/") if len(words) > 1 and words[0] in (b"GET", b"HEAD") else b""
        if not _is_nonce(nonce):
            body = b"expected GET /NONCE\n"
            status = b"400 Bad Request"
            return None, _http(status, body)
        return nonce, _http(b"200 OK", nonce + b" " + self.name + b"\n")


class Client:
    """One connection to a listener: a request head, an answer, and the end."""

    __slots__ = ("connection", "data", "label", "logged", "peer", "servers", "timer")

    def __init__(self, servers: Servers, connection: socket.socket, label: str, peer: Address) -> None:
        self.servers = servers
        self.connection = connection
        self.label = label
        self.peer = peer
        self.data = b""
        self.logged = False
        servers.loop.watch(connection.fileno(), select.EPOLLIN, self.read)
        self.timer = servers.loop.at(time.monotonic() + CLIENT_PATIENCE_S, self.close)

    def read(self, _: int = 0) -> None:
        """Take in what has come, and answer once the head is whole."""
        try:
            data = self.connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self.data += data
        line, whole_line, _rest = self.data.partition(b"\n")
        if whole_line and not self.logged:
            self.logged = True
            nonce, _answer = self.servers.answer(line)
            if nonce is not None:
                self.servers.log.add(nonce, self.label, self.peer)
        head = self.data.replace(b"\r\n", b"\n")
        if b"\n\n" in head or len(head) > MAX_REQUEST_HEAD:
            with contextlib.suppress(OSError):  # the client left
                self.connection.send(self.servers.answer(line)[1])
            self.close()
        elif not data:
            self.close()

    def close(self) -> None:
        """Hang up."""
        self.timer.cancel()
        descriptor = self.connection.fileno()
        self.servers.loop.forget(descriptor)
        self.servers.clients.pop(descriptor, None)
        self.connection.close()


def _server_socket(family: int, protocol: str, wildcard: str, port: int) -> socket.socket:
    opened = _socket(family, protocol)
    try:
        if protocol == "UDP":
            if family == socket.AF_INET:
                opened.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((wildcard, port))
        if protocol != "UDP":
            opened.listen(4096)
    except OSError:
        opened.close()
        raise
    return opened


def _socket(family: int, protocol: str) -> socket.socket:
    """Return a new socket that never blocks; one for IPv6 leaves IPv4 alone."""
    if protocol == "UDP":
        opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    else:
        number = IPPROTO_SCTP if protocol == "SCTP" else socket.IPPROTO_TCP
        opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, number)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return opened


def _reply_from(notes: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    for level, kind, data in notes:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            return [(level, kind, struct.pack("=i4s4s", 0, data[4:8], b"\0\0\0\0"))]
        if level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO:
            return [(level, kind, data)]
    return []


def _is_nonce(text: bytes) -> bool:
    return 0 < len(text) <= MAX_NONCE and text.isascii() and all(33 <= byte < 127 for byte in text)


def _http(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


def _name(fault: OSError) -> str:
    return errno.errorcode.get(fault.errno or 0, str(fault))


# ---------------------------------------------------------------------------- probing


class SourcePorts:
    """Source ports in rotation: none in use twice, none towards the same destination within its rest."""

    def __init__(self, limits: tuple[int, int], listening: set[int]) -> None:
        self.low, self.high = limits
        self.busy = set(listening)
        # A start of its own: an agent that was restarted must not begin where the last one did.
        self.last = self.low + int.from_bytes(os.urandom(4), "big") % (self.high - self.low + 1)
        self.used: dict[tuple[Any, ...], float] = {}
        self.order: collections.deque[tuple[float, tuple[Any, ...]]] = collections.deque()

    def take(self, protocol: str, address: str, port: int) -> Iterator[int]:
        """Yield ports to try, marking each as in use; the caller gives them back."""
        now = time.monotonic()
        while self.order and self.order[0][0] < now - PORT_REST_S:
            self.used.pop(self.order.popleft()[1], None)
        for _ in range(self.high - self.low + 1):
            self.last = self.last + 1 if self.last < self.high else self.low
            key = (protocol, address, port, self.last)
            if self.last in self.busy or key in self.used:
                continue
            self.busy.add(self.last)
            self.used[key] = now
            self.order.append((now, key))
            yield self.last

    def give_back(self, port: int) -> None:
        """Say that the port is in use no more; it rests all the same."""
        self.busy.discard(port)


class Batch:
    """One `probe` request: collects replies, and sends them on many at a time.

    A line passes half a dozen processes on its way out of a cluster, and costs all of them more than what is in it.
    """

    def __init__(self, send: Callable[..., None], identity: object, count: int) -> None:
        self.send = send
        self.identity = identity
        self.left = count
        self.ready: list[Reply] = []
        self.due = 0.0
        self.lag_s = 0.0

    def add(self, reply: Reply) -> None:
        """Keep a reply until there are more."""
        if not self.ready:
            self.due = time.monotonic() + HOLD_S
        self.left -= 1
        self.ready.append(reply)

    def flush(self) -> bool:
        """Send what is ready if it has been held for long enough; return whether the batch is over."""
        over = self.left == 0
        messages: list[dict[str, Any]] = []
        if self.ready and (over or len(self.ready) >= HELD or time.monotonic() >= self.due):
            messages.append({"id": self.identity, "replies": self.ready})
            self.ready = []
        if over:
            messages.append({"id": self.identity, "done": True, "lag_s": round(self.lag_s, 4)})
        if messages:
            self.send(*messages)
        return over


class Prober:
    """Starts probes, at most so many at a time, and hands their replies to their batches."""

    def __init__(self, loop: Loop, ports: SourcePorts, tools: Tools, limit: int) -> None:
        self.loop = loop
        self.ports = ports
        self.tools = tools
        self.limit = limit
        self.flying = {"sockets": 0, "tools": 0}
        self.sockets: collections.deque[tuple[dict[str, Any], Batch]] = collections.deque()
        self.commands: collections.deque[tuple[dict[str, Any], Batch]] = collections.deque()
        self.batches: list[Batch] = []
        self.beating = False
        loop.each_turn(self._turn)

    def add(self, probes: list[Any], batch: Batch) -> None:
        """Queue the probes of a batch."""
        self.batches.append(batch)
        if not any(other is not batch for other in self.batches):
            self.loop.lag_s = 0.0
        for probe in probes:
            fault = _invalid(probe)
            if fault:
                key = probe.get("key") if isinstance(probe, dict) else None
                batch.add({"key": key, "phase": "bind", "result": "bad-request", "detail": fault})
            elif probe.get("engine", "socket") == "socket":
                self.sockets.append((probe, batch))
            else:
                self.commands.append((probe, batch))
        if not self.beating:
            self.beating = True
            self.loop.at(time.monotonic() + HEARTBEAT_S, self._beat)

    def _beat(self) -> None:
        """Wake up at known times while probes are under way, to know how late we are."""
        self.beating = bool(self.batches)
        if self.beating:
            self.loop.at(time.monotonic() + HEARTBEAT_S, self._beat)

    def _turn(self) -> bool:
        for _ in range(STARTS_A_TURN):
            if not self.sockets or self.flying["sockets"] >= self.limit:
                break
            probe, batch = self.sockets.popleft()
            self.flying["sockets"] += 1
            kind = DatagramProbe if probe["protocol"] == "UDP" else StreamProbe
            kind(self, probe, batch).start()
        while self.commands and self.flying["tools"] < TOOLS_AT_ONCE:
            probe, batch = self.commands.popleft()
            self.flying["tools"] += 1
            ToolProbe(self, probe, batch).start()
        for batch in list(self.batches):
            batch.lag_s = max(batch.lag_s, self.loop.lag_s)
            if batch.flush():
                self.batches.remove(batch)
        if not self.batches:
            self.loop.lag_s = 0.0
        return bool(self.sockets) and self.flying["sockets"] < self.limit


def _invalid(probe: Any) -> str | None:
    """Return what is wrong with a probe as it came over the wire."""
    if not isinstance(probe, dict):
        return "a probe must be an object"
    for field, kind in (("key", str), ("protocol", str), ("address", str), ("port", int), ("nonce", str)):
        if not isinstance(probe.get(field), kind) or isinstance(probe.get(field), bool):
            return f"{field}: expected {kind.__name__}"
    timeout_s = probe.get("timeout_s")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= MAX_TIMEOUT_S:
        return f"timeout_s: expected a number up to {MAX_TIMEOUT_S:g}"
    if probe.get("engine", "socket") not in ("socket", "nc", "curl"):
        return "engine: expected socket, nc or curl"
    if probe["protocol"] not in ("TCP", "UDP", "SCTP"):
        return "protocol: expected TCP, UDP or SCTP"
    if not 0 < probe["port"] < 65536:
        return "port: expected 1 to 65535"
    if not probe["nonce"].isascii() or not _is_nonce(probe["nonce"].encode()):
        return f"nonce: expected 1 to {MAX_NONCE} printable ASCII characters without a space"
    if _family(probe["address"]) is None:
        return "address: expected an IP literal, never a name"
    return None


def _family(address: str) -> int | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address)
        except (OSError, ValueError):
            continue
        return family
    return None


class SocketProbe:
    """What probes over our own sockets share: the source port, the deadline and the reply."""

    lane = "sockets"

    def __init__(self, prober: Prober, probe: dict[str, Any], batch: Batch) -> None:
        self.prober = prober
        self.loop = prober.loop
        self.batch = batch
        self.key = probe["key"]
        self.nonce: bytes = probe["nonce"].encode()
        self.protocol: str = probe["protocol"]
        self.address: str = probe["address"]
        self.port: int = probe["port"]
        self.timeout_s: float = probe["timeout_s"]
        self.family = _family(self.address) or socket.AF_INET
        self.socket: socket.socket | None = None
        self.source_port: int | None = None
        self.timers: list[Timer] = []
        self.phase = "bind"
        self.started = time.monotonic()
        self.connect_s: float | None = None

    def start(self) -> None:
        """Open the socket and make the first move; whatever fails is the reply."""
        try:
            self.socket = _socket(self.family, self.protocol)
            _want_icmp(self.socket, self.family)
            self._bind(self.socket)
            self.phase = "connect"
            self.started = time.monotonic()
            self.timers.append(self.loop.at(self.started + self.timeout_s, self.expire))
            self.begin(self.socket)
        except OSError as fault:
            self.fail(fault)

    def begin(self, opened: socket.socket) -> None:
        """Make the first move, and watch the socket for what comes of it."""
        raise NotImplementedError

    def expire(self) -> None:
        """Give up: nothing came in time."""
        self.finish("timeout")

    def _bind(self, opened: socket.socket) -> None:
        wildcard = "::" if self.family == socket.AF_INET6 else "0.0.0.0"
        for tries, port in enumerate(self.prober.ports.take(self.protocol, self.address, self.port)):
            try:
                opened.bind((wildcard, port))
            except OSError as fault:
                self.prober.ports.give_back(port)
                if fault.errno != errno.EADDRINUSE or tries >= 200:
                    raise
                continue
            self.source_port = port
            return
        raise OSError(errno.EADDRNOTAVAIL, "every source port was used towards this destination lately")

    def fail(self, fault: OSError, icmp: str | None = None) -> None:
        """End with an error of the kernel's."""
        self.finish("errno", errno=_name(fault), icmp=icmp, detail=fault.strerror)

    def finish(self, result: str, **more: Any) -> None:
        """Close everything and hand the reply to the batch."""
        for timer in self.timers:
            timer.cancel()
        if self.socket is not None:
            self.loop.forget(self.socket.fileno())
            self.socket.close()
            self.socket = None
        if self.source_port is not None:
            self.prober.ports.give_back(self.source_port)
        self.prober.flying[self.lane] -= 1
        reply = {
            "key": self.key,
            "phase": self.phase,
            "result": result,
            "connect_s": self.connect_s,
            "elapsed_s": round(time.monotonic() - self.started, 6),
            "source_port": self.source_port,
        }
        reply.update((name, value) for name, value in more.items() if value is not None)
        self.batch.add(reply)

    def take_error(self) -> tuple[int, str | None]:
        """Return the socket's pending error (0: none), and "type/code" where ICMP brought it."""
        if self.socket is None:
            return 0, None
        number, icmp = _icmp_error(self.socket)
        return number or self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), icmp


class StreamProbe(SocketProbe):
    """A new connection, a GET of the nonce, and the answer (TCP, SCTP)."""

    data = b""

    def begin(self, opened: socket.socket) -> None:
        """Connect."""
        number = opened.connect_ex((self.address, self.port))
        if number not in (0, errno.EINPROGRESS):
            raise OSError(number, os.strerror(number))
        self.loop.watch(opened.fileno(), select.EPOLLOUT, self.connected)

    def connected(self, mask: int) -> None:
        """Send the request, or see why there is no connection."""
        if self.socket is None:
            return
        if mask & (select.EPOLLERR | select.EPOLLHUP):
            number, icmp = self.take_error()
            if number:
                self.fail(OSError(number, os.strerror(number)), icmp)
                return
        self.connect_s = round(time.monotonic() - self.started, 6)
        self.phase = "send"
        try:
            self.socket.send(_request(self.nonce, self.address))
        except OSError as fault:
            self.fail(fault)
            return
        self.phase = "answer"
        self.loop.change(self.socket.fileno(), select.EPOLLIN, self.readable)

    def readable(self, mask: int) -> None:
        """Read until the answer is whole or the connection ends."""
        if self.socket is None:
            return
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            number, icmp = self.take_error() if mask & select.EPOLLERR else (0, None)
            if number:
                self.fail(OSError(number, os.strerror(number)), icmp)
            return
        except OSError as fault:
            self.fail(fault, _icmp_error(self.socket)[1])
            return
        self.data += data
        whole, name = _read_answer(self.data, self.nonce)
        if name is not None:
            self.finish("ok", nonce_ok=True, answered_by=name)
        elif whole or len(self.data) > MAX_ANSWER or (not data and self.data):
            self.finish("bad-answer", nonce_ok=False, raw=_shown(self.data))
        elif not data:
            self.finish("closed")

    def expire(self) -> None:
        """Give up, showing what has come so far."""
        self.finish("timeout", raw=_shown(self.data) if self.data else None)


class DatagramProbe(SocketProbe):
    """One socket, up to three copies of the datagram, and the echo (UDP)."""

    def begin(self, opened: socket.socket) -> None:
        """Send the first copy."""
        opened.connect((self.address, self.port))
        self.phase = "send"
        self.loop.watch(opened.fileno(), select.EPOLLIN, self.readable)
        opened.send(self.nonce + b"\n")
        self.phase = "answer"
        for share in UDP_COPIES_AT:
            self.timers.append(self.loop.at(self.started + share * self.timeout_s, self.send_again))

    def send_again(self) -> None:
        """Send another copy: one lost datagram is no verdict."""
        if self.socket is not None:
            try:
                self.socket.send(self.nonce + b"\n")
            except BlockingIOError:
                pass
            except OSError as fault:
                self.fail(fault, _icmp_error(self.socket)[1])

    def readable(self, _: int) -> None:
        """Read the echo, or the error that came instead."""
        if self.socket is None:
            return
        # The queue of errors first: reading it clears the error that would hide a datagram.
        number, icmp = _icmp_error(self.socket)
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            if number:
                self.fail(OSError(number, os.strerror(number)), icmp)
            return
        except OSError as fault:
            self.fail(fault, icmp)
            return
        name = _answerer(data, self.nonce)
        if name is not None:
            self.finish("ok", nonce_ok=True, answered_by=name)
        else:
            self.finish("bad-answer", nonce_ok=False, raw=_shown(data))


def _want_icmp(opened: socket.socket, family: int) -> None:
    """Ask for every ICMP error with its type and code, not only for those that the kernel calls fatal."""
    with contextlib.suppress(OSError):  # without it the fatal errors still come as errno
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            opened.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def _icmp_error(opened: socket.socket) -> tuple[int, str | None]:
    """Take the oldest queued error that ends a probe: its errno, and "type/code" if ICMP brought it."""
    for _ in range(16):
        try:
            _data, notes, _flags, _peer = opened.recvmsg(512, 512, MSG_ERRQUEUE)
        except OSError:
            return 0, None
        for level, kind, data in notes:
            if (level, kind) not in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
                continue
            number, origin, icmp_type, icmp_code = struct.unpack_from("=IBBB", data)
            # Path MTU news is no answer.
            if number and number != errno.EMSGSIZE:
                return number, f"{icmp_type}/{icmp_code}" if origin in FROM_ICMP else None
    return 0, None


def _request(nonce: bytes, address: str) -> bytes:
    host = f"[{address}]" if ":" in address else address
    return b"GET /%b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (nonce, host.encode())


def _read_answer(data: bytes, nonce: bytes) -> tuple[bool, str | None]:
    """Return whether `data` is a whole HTTP answer, and who answered if it holds the nonce."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end or not body.endswith(b"\n"):
        return False, None
    if head.split(None, 2)[1:2] != [b"200"]:
        return True, None
    return True, _answerer(body, nonce)


def _answerer(body: bytes, nonce: bytes) -> str | None:
    """Return the name of the agent that answered, None unless it answered this nonce."""
    line, end, _ = body.partition(b"\n")
    start = nonce + b" "
    if not end or not line.startswith(start) or len(line) == len(start):
        return None
    return line[len(start) :].decode("utf-8", "backslashreplace")


def _shown(data: bytes) -> str:
    return data[:RAW_SHOWN].decode("ascii", "backslashreplace")


# ---------------------------------------------------------------------------- nc and curl


class Tools:
    """The programs of this image: where they are, what they understand, and those running."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.paths = {name: path for name in ("nc", "curl") for path in [_which(name)] if path}
        self.running: set[int] = set()
        self.environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        self._nc_help: str | None = None

    def kill(self) -> None:
        """Kill whatever is still running."""
        for process in self.running:
            _kill(process)

    def command(self, probe: dict[str, Any], source_port: int) -> list[str] | None:
        """Return the command line, or None where the program cannot speak the protocol."""
        seconds = probe["timeout_s"]
        address = probe["address"]
        if probe["engine"] == "curl":
            if probe["protocol"] != "TCP":
                return None
            host = f"[{address}]" if ":" in address else address
            limits = ["--max-time", f"{seconds:.3f}", "--connect-timeout", f"{seconds:.3f}"]
            form = "\n%{exitcode} %{time_connect} %{remote_ip} %{errormsg}"
            url = f"http://{host}:{probe['port']}/{probe['nonce']}"
            # -v: since 7.84 only the verbose text tells refused from unreachable.
            return ["curl", "-q", "-g", "-s", "-S", "-v", *limits, "--local-port", str(source_port), "-w", form, url]
        words = ["nc"]
        for flag, values in (("n", []), ("v", []), ("w", [str(max(1, -(-int(seconds * 1000) // 1000)))])):
            # With -u, OpenBSD's -v sends datagrams of its own before ours.
            if self._nc_has(flag) and not (flag == "v" and probe["protocol"] == "UDP"):
                words += [f"-{flag}", *values]
        if self._nc_has("p"):
            words += ["-p", str(source_port)]
        if probe["protocol"] != "TCP":
            flag = {"UDP": "u", "SCTP": "-sctp"}[probe["protocol"]]
            if not self._nc_has(flag):
                return None
            words.append(f"-{flag}")
        return [*words, address, str(probe["port"])]

    def _nc_has(self, flag: str) -> bool:
        if self._nc_help is None:
            self._nc_help = self._ask_nc()
        if flag.startswith("-"):
            return f"-{flag}" in self._nc_help
        return re.search(rf"(^|[\s,\[])-[0-9A-Za-z]*{flag}", self._nc_help) is not None

    def _ask_nc(self) -> str:
        """Return the help of the nc there is: OpenBSD's, Nmap's, busybox's and the traditional one differ."""
        process, stdin, stdout, stderr = self.spawn(["nc", "-h"])
        os.close(stdin)
        texts = []
        until = time.monotonic() + 2.0
        for pipe in (stdout, stderr):
            text = b""
            poller = select.poll()
            poller.register(pipe, select.POLLIN)
            while poller.poll(max(0.0, until - time.monotonic()) * 1000):
                data = os.read(pipe, 65536)
                if not data:
                    break
                text += data
            texts.append(text)
            os.close(pipe)
        _kill(process)
        os.waitpid(process, 0)
        self.running.discard(process)
        return b"\n".join(texts).decode("utf-8", "replace")

    def spawn(self, command: list[str]) -> tuple[int, int, int, int]:
        """Start a program in a process group of its own; return its id and our ends of its pipes."""
        pairs: list[tuple[int, int]] = []
        try:
            while len(pairs) < 3:
                pairs.append(os.pipe())
            (in_read, in_write), (out_read, out_write), (err_read, err_write) = pairs
            actions = [
                (os.POSIX_SPAWN_DUP2, in_read, 0),
                (os.POSIX_SPAWN_DUP2, out_write, 1),
                (os.POSIX_SPAWN_DUP2, err_write, 2),
            ]
            process = os.posix_spawn(
                self.paths[command[0]],
                command,
                self.environment,
                file_actions=actions,
                setpgroup=0,
                # Python ignores SIGPIPE, and a child would inherit that.
                setsigdef=[signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
            )
        except OSError:
            for end in (end for pair in pairs for end in pair):
                os.close(end)
            raise
        self.running.add(process)
        for end in (in_read, out_write, err_write):
            os.close(end)
        return process, in_write, out_read, err_read


class ToolProbe(SocketProbe):
    """A probe by nc or curl, as a person would make it; the nonce is checked as ever."""

    lane = "tools"

    def __init__(self, prober: Prober, probe: dict[str, Any], batch: Batch) -> None:
        super().__init__(prober, probe, batch)
        self.probe = probe
        self.engine: str = probe["engine"]
        self.tools = prober.tools
        self.process = 0
        self.pipes: dict[int, bytearray] = {}
        self.stdin = -1
        self.texts: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self.exit_code: int | None = None
        self.killed = False

    def start(self) -> None:
        """Start the program with the source port and the deadline of this probe."""
        if self.engine not in self.tools.paths:
            self.finish("no-tool", detail=f"there is no {self.engine} in this image")
            return
        try:
            self._reserve()
            command = self.tools.command(self.probe, self.source_port or 0)
            if command is None:
                self.finish("no-tool", detail=f"this {self.engine} does not speak {self.protocol}")
                return
            self.phase = "connect"
            self.started = time.monotonic()
            self.process, self.stdin, stdout, stderr = self.tools.spawn(command)
        except OSError as fault:
            self.finish("spawn-error", errno=_name(fault), detail=fault.strerror)
            return
        for pipe, text in ((stdout, self.texts[0]), (stderr, self.texts[1])):
            os.set_blocking(pipe, False)
            self.pipes[pipe] = text
            self.loop.watch(pipe, select.EPOLLIN, self._reader(pipe))
        self._feed()
        self.timers.append(self.loop.at(self.started + self.timeout_s + TOOL_GRACE_S, self.expire))

    def _reserve(self) -> None:
        """Find a source port that nobody has, by trying it."""
        with _socket(self.family, self.protocol) as trial:
            self._bind(trial)

    def _feed(self) -> None:
        if self.engine == "nc":
            udp = self.protocol == "UDP"
            with contextlib.suppress(OSError):  # it has ended, and says why on stderr
                os.write(self.stdin, self.nonce + b"\n" if udp else _request(self.nonce, self.address))
            if udp:
                return  # at the end of its input nc -u may leave before the answer
        self._close_stdin()

    def _close_stdin(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def _reader(self, pipe: int) -> Callable[[int], None]:
        return lambda _: self._read(pipe)

    def _read(self, pipe: int) -> None:
        try:
            data = os.read(pipe, 65536)
        except BlockingIOError:
            return
        text = self.pipes[pipe]
        text += data[: max(0, MAX_ANSWER - len(text))]
        if not data:
            self._close_pipe(pipe)
        if self.engine == "nc" and not self.killed and self._answer()[0]:
            # The answer is whole. nc -u would wait for more, and some keep a closed connection.
            self._end()
        if not self.pipes:
            self._reap()

    def _close_pipe(self, pipe: int) -> None:
        self.loop.forget(pipe)
        os.close(pipe)
        del self.pipes[pipe]

    def _answer(self) -> tuple[bool, str | None]:
        out = bytes(self.texts[0])
        if self.engine == "curl":
            name = _answerer(out, self.nonce)
            return name is not None, name
        if self.protocol == "UDP":
            return b"\n" in out, _answerer(out, self.nonce)
        return _read_answer(out, self.nonce)

    def expire(self) -> None:
        """Kill the program; what it has said so far is the answer."""
        self._end()
        for pipe in list(self.pipes):
            self._close_pipe(pipe)
        self._reap()

    def _end(self) -> None:
        self.killed = True
        _kill(self.process)

    def _reap(self) -> None:
        if self.exit_code is not None:
            return  # the deadline and the end came together
        try:
            process, status = os.waitpid(self.process, os.WNOHANG)
        except ChildProcessError:
            process, status = self.process, 0
        if process == 0:
            self.loop.at(time.monotonic() + 0.005, self._reap)
            return
        self.tools.running.discard(self.process)
        # A signal is shown as Python's subprocess does: minus its number.
        self.exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        self._conclude()

    def _conclude(self) -> None:
        out, err = (bytes(text) for text in self.texts)
        more: dict[str, Any] = {"exit_code": self.exit_code, "stderr": err[-1000:].decode("utf-8", "backslashreplace")}
        if self.engine == "curl":
            out, _, trailer = out.rpartition(b"\n")
            words = trailer.split(None, 3)
            seconds = float(words[1]) if len(words) > 1 and re.fullmatch(rb"[0-9.]+", words[1]) else 0.0
            self.connect_s = seconds or None
            self.phase = "answer" if seconds or b"Connected to" in err else "connect"
        elif self.protocol == "UDP" or re.search(rb"succeeded|Connected to|\bopen\b", err) or out:
            self.phase = "answer"
        whole, name = self._answer()
        if name is not None:
            self.finish("ok", nonce_ok=True, answered_by=name, **more)
        elif whole or out.strip():
            self.finish("bad-answer", nonce_ok=False, raw=_shown(out), **more)
        else:
            self.finish("timeout" if self.killed else "exit", **more)

    def finish(self, result: str, **more: Any) -> None:
        """Let go of the program's input, and hand over the reply."""
        self._close_stdin()
        super().finish(result, **more)


def _kill(process: int) -> None:
    with contextlib.suppress(OSError):  # ended already
        os.killpg(process, signal.SIGKILL)


def _which(name: str) -> str | None:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or ".", name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


# ---------------------------------------------------------------------------- taking orders


class Control:
    """The control socket: any number of connections, each with any number of requests under way."""

    def __init__(self, loop: Loop, name: str, servers: Servers, log: ArrivalLog, prober: Prober) -> None:
        self.loop = loop
        self.name = name
        self.servers = servers
        self.log = log
        self.prober = prober
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.socket.bind(control_address(name))
        self.socket.listen(64)
        loop.watch(self.socket.fileno(), select.EPOLLIN, self._accept)

    def _accept(self, _: int) -> None:
        try:
            connection, _peer = self.socket.accept()
        except OSError:
            return
        # A pod on the host's network shares its abstract sockets with every process of the node.
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if struct.unpack("=iII", credentials)[1] not in (0, os.geteuid()):
            connection.close()
            return
        connection.setblocking(False)
        line = Line(self, connection)
        line.send({"hello": self.hello()})

    def hello(self) -> dict[str, Any]:
        """Describe this agent."""
        return {
            "version": VERSION,
            "name": self.name,
            "protocols": [protocol for protocol in ("TCP", "UDP", "SCTP") if _speaks(protocol)],
            "engines": ["socket", *self.prober.tools.paths],
            "listening": self.servers.opened,
            "failed": self.servers.failed,
        }

    def obey(self, line: Line, text: bytes) -> None:
        """Carry out one request; whatever is wrong with it is a reply."""
        identity = None
        try:
            request = _object(text)
            identity = request.get("id")
            self._dispatch(line, identity, request)
        except (ValueError, TypeError, RecursionError) as fault:
            line.send({"id": identity, "error": f"bad request: {fault}"[:500]})

    def _dispatch(self, line: Line, identity: object, request: dict[str, Any]) -> None:
        operation = request.get("op")
        if operation == "probe":
            probes = request.get("probes")
            if not isinstance(probes, list):
                raise TypeError("probes: expected a list")
            self.prober.add(probes, Batch(line.send, identity, len(probes)))
        elif operation == "arrivals":
            since = request.get("since", 0)
            if isinstance(since, bool) or not isinstance(since, int) or since < 0:
                raise TypeError("since: expected a sequence number")
            self.servers.drain()
            line.send({"id": identity, **self.log.since(since)})
        elif operation == "status":
            broken = self.servers.check()
            listening = [label for label in self.servers.opened if label not in broken]
            status = {"listening": listening, "failed": broken, "arrivals": self.log.next, "flying": self.prober.flying}
            line.send({"id": identity, "status": status})
        else:
            raise ValueError(f"op: expected probe, arrivals or status, not {operation!r}")


def _object(text: bytes) -> dict[str, Any]:
    request = json.loads(text)
    if not isinstance(request, dict):
        raise TypeError("expected an object")
    return request


class Line:
    """One control connection: whole lines in, whole lines out, never waiting for the other end."""

    def __init__(self, control: Control, connection: socket.socket) -> None:
        self.control = control
        self.loop = control.loop
        self.connection: socket.socket | None = connection
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.skipping = False
        self.loop.watch(connection.fileno(), select.EPOLLIN, self._ready)

    def send(self, *messages: dict[str, Any]) -> None:
        """Queue messages, a line each; nobody waits for the other end to read them."""
        if self.connection is None:
            return  # it hung up; its probes end by themselves
        for message in messages:
            self.outgoing += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        self._write()

    def _ready(self, mask: int) -> None:
        if mask & select.EPOLLOUT:
            self._write()
        if mask & ~select.EPOLLOUT:
            self._read()

    def _write(self) -> None:
        if self.connection is None:
            return
        try:
            while self.outgoing:
                del self.outgoing[: self.connection.send(self.outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if len(self.outgoing) > MAX_PENDING_OUTPUT:
            self.close()
            return
        events = select.EPOLLIN | (select.EPOLLOUT if self.outgoing else 0)
        self.loop.change(self.connection.fileno(), events, self._ready)

    def _read(self) -> None:
        if self.connection is None:
            return
        try:
            data = self.connection.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        start = len(self.incoming)
        self.incoming += data
        end = self.incoming.find(b"\n", start)
        while end >= 0:
            text = bytes(self.incoming[:end])
            del self.incoming[: end + 1]
            self._take(text)
            end = self.incoming.find(b"\n")
        if len(self.incoming) > MAX_LINE:
            self.incoming.clear()
            self.skipping = True

    def _take(self, text: bytes) -> None:
        if self.skipping or len(text) > MAX_LINE:
            self.skipping = False
            self.send({"id": None, "error": f"bad request: a line over {MAX_LINE} bytes"})
        elif text.strip():
            self.control.obey(self, text)

    def close(self) -> None:
        """Hang up; what is queued is lost."""
        if self.connection is not None:
            self.loop.forget(self.connection.fileno())
            self.connection.close()
            self.connection = None


def _speaks(protocol: str) -> bool:
    try:
        _socket(socket.AF_INET, protocol).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
