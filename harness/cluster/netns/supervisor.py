"""Be PID 1 of a sandbox: run programs, start pods, hand out their channels, and take all down with you.

Started by `sandbox` as a program of its own, in fresh network and pid namespaces; standard library only, and
nothing of `harness`. Its network namespace is the router. Orders come over one socket, a JSON record each;
when that socket ends, because the harness has ended in whatever way, this process exits, and the kernel kills
every process of the pid namespace and frees every network namespace.

    python3 supervisor.py MARKER CONTROL-DESCRIPTOR AGENT-FILE
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

_LENGTH = struct.Struct("!I")
_CLONE_NEWNET = 0x40000000
_OWN_NETNS = "/proc/thread-self/ns/net"
_PROGRAM_S = 60.0
_ACCEPTS_CONNECTIONS = 0x10000
_KEPT_OUTPUT = 4000

Record = dict[str, Any]


def send_record(control: socket.socket, record: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one record, with open descriptors beside it."""
    body = json.dumps(record).encode()
    head = _LENGTH.pack(len(body))
    if descriptors:
        socket.send_fds(control, [head], list(descriptors))
    else:
        control.sendall(head)
    control.sendall(body)


def receive_record(control: socket.socket) -> tuple[Record, list[int]]:
    """Receive one record and its descriptors. Raises `EOFError` when the other end has gone."""
    head, descriptors, _, _ = socket.recv_fds(control, _LENGTH.size, 1)
    if head and len(head) < _LENGTH.size:
        head += _exactly(control, _LENGTH.size - len(head))
    if not head:
        raise EOFError
    return json.loads(_exactly(control, _LENGTH.unpack(head)[0])), list(descriptors)


def _exactly(control: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = control.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


@dataclass(slots=True)
class _Process:
    """A pod's first process; `status` is None while it runs. `netns` and `output` are descriptors of ours."""

    name: str
    pid: int
    host_pid: int
    netns: int
    output: int
    ready: bool = False
    status: int | None = None


class Supervisor:
    """Carries out one order at a time; single-threaded, so that changing the network namespace is safe."""

    def __init__(self, control: socket.socket, agent: types.ModuleType) -> None:
        self._control = control
        self._agent = agent
        self._pods: dict[str, _Process] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._router = os.open(_OWN_NETNS, os.O_RDONLY)

    def serve(self) -> None:
        """Obey until the control socket ends."""
        wake, wakened = os.pipe()
        for descriptor in (wake, wakened):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
        # The harness sees this process by its own numbers; /proc is still the one it was started under.
        send_record(self._control, {"pid": _number_outside()})
        while True:
            ready, _, _ = select.select([self._control.fileno(), wake], [], [])
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 4096)
                self._reap()
            if self._control.fileno() in ready:
                order, _ = receive_record(self._control)
                self._obey(order)

    def _obey(self, order: Record) -> None:
        descriptors: list[int] = []
        try:
            verb = getattr(self, "do_" + order.pop("verb"))
            answer = verb(**order)
            if isinstance(answer, int):
                descriptors.append(answer)
                answer = {}
        except Exception as fault:  # noqa: BLE001 - the harness decides what a failed order means
            answer = {"error": f"{type(fault).__name__}: {fault}"}
        send_record(self._control, answer, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    # -- orders ------------------------------------------------------------------

    def do_run(self, argv: list[str], stdin: str) -> Record:
        """Run a program in the router to its end."""
        done = subprocess.run(argv, input=stdin, text=True, capture_output=True, timeout=_PROGRAM_S, check=False)
        return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    def do_write(self, settings: dict[str, str]) -> Record:
        """Write kernel settings of the router; return those that failed."""
        return {"failed": _write(settings)}

    def do_spawn(self, pods: list[Record], settings: dict[str, str]) -> Record:
        """Start pods: their processes, all their cables in one go, and then their agents.

        A pod is `key`, `name`, `arguments`, `cable` (lines for ip in the router, with
        `{pid}`) and `inside` (lines for ip in the pod); no cable: it lives in the router.
        """
        links: list[tuple[_Process, socket.socket]] = []
        try:
            for pod in pods:
                links.append(self._fork(pod, settings))
                self._pods[pod["key"]] = links[-1][0]
            for process, link in links:
                _await_netns(process, link)
            self._ip(
                line.format(pid=process.pid)
                for pod, (process, _) in zip(pods, links, strict=True)
                for line in pod["cable"]
            )
            for _, link in links:
                link.send(b"go")
        except BaseException:
            self.do_kill([pod["key"] for pod in pods])
            raise
        finally:
            for _, link in links:
                link.close()
        return {"pids": {pod["key"]: process.host_pid for pod, (process, _) in zip(pods, links, strict=True)}}

    def do_ready(self, keys: list[str]) -> Record:
        """Tell of each pod whether its agent can be connected to, or how it ended."""
        self._reap()
        return {key: self._condition(key) for key in keys}

    def do_connect(self, key: str) -> int:
        """Connect to a pod's agent and hand over the socket."""
        process = self._pods[key]
        with self._inside(process):
            # An abstract address belongs to the network namespace that the socket was made in.
            channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            channel.settimeout(2.0)
            channel.connect(self._agent.control_address(process.name))
            channel.settimeout(None)
        except OSError:
            channel.close()
            raise
        return channel.detach()

    def do_kill(self, keys: list[str]) -> Record:
        """Kill pods with all their processes, and forget them; absent ones are fine."""
        doomed = [self._pods.pop(key) for key in keys if key in self._pods]
        for process in doomed:
            if process.status is None:
                for send in (os.killpg, os.kill):
                    with contextlib.suppress(ProcessLookupError):
                        send(process.pid, signal.SIGKILL)
        for process in doomed:
            if process.status is None:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, 0)
            for descriptor in (process.netns, process.output):
                if descriptor >= 0:
                    os.close(descriptor)
        return {}

    def do_describe(self, keys: list[str]) -> Record:
        """Tell of each pod its process, its condition and the end of what it printed."""
        self._reap()
        return {
            key: {
                "pid": self._pods[key].host_pid,
                "condition": self._condition(key),
                "output": _tail(self._pods[key].output),
            }
            for key in keys
            if key in self._pods
        }

    # -- processes ---------------------------------------------------------------

    def _ip(self, lines: Iterable[str]) -> None:
        text = "\n".join(lines)
        done: Record = self.do_run(["ip", "-batch", "-"], text + "\n") if text else {"status": 0}
        if done["status"] != 0:
            raise RuntimeError(f"ip: {done['stderr'].strip()}")

    def _fork(self, pod: Record, settings: dict[str, str]) -> tuple[_Process, socket.socket]:
        ours, theirs = socket.socketpair()
        output = os.memfd_create("output")
        pid = os.fork()
        if pid == 0:
            self._live(pod, settings, theirs, output)
        theirs.close()
        return _Process(pod["name"], pid, 0, -1, output), ours

    def _live(self, pod: Record, settings: dict[str, str], link: socket.socket, output: int) -> NoReturn:
        """Become the pod; never returns."""
        status = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(output, 1)
            os.dup2(output, 2)
            # Other pods' namespaces and the control socket live as long as anybody holds them open.
            os.dup2(link.detach(), 3)
            os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            link = socket.socket(fileno=3)
            if pod["cable"]:
                _checked(self._libc.unshare(_CLONE_NEWNET), "no network namespace for a pod")
            netns = os.open(_OWN_NETNS, os.O_RDONLY)
            socket.send_fds(link, [str(_number_outside()).encode()], [netns])
            os.close(netns)
            if link.recv(2) == b"go":
                link.close()
                if pod["cable"]:
                    _write(settings)
                    inside = "\n".join(pod["inside"]) + "\n"
                    subprocess.run(["ip", "-batch", "-"], input=inside, text=True, check=True)
                status = self._agent.main(["serve", *pod["arguments"]])
        except BaseException:  # noqa: BLE001 - the last words of a pod, read by diagnose
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _condition(self, key: str) -> str:
        process = self._pods.get(key)
        if process is None:
            return "absent"
        if process.status is not None:
            return f"ended with status {process.status}: {_tail(process.output) or 'it printed nothing'}"
        if not process.ready:
            with self._inside(process):
                process.ready = _is_listening(self._agent.control_address(process.name))
        return "ready" if process.ready else "starting"

    @contextlib.contextmanager
    def _inside(self, process: _Process) -> Iterator[None]:
        self._enter(process.netns)
        try:
            yield
        finally:
            self._enter(self._router)

    def _enter(self, netns: int) -> None:
        _checked(self._libc.setns(netns, _CLONE_NEWNET), "cannot enter a network namespace")

    def _reap(self) -> None:
        """Collect the dead: pods' own processes, and orphans, whose parent PID 1 is."""
        by_pid = {process.pid: process for process in self._pods.values()}
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in by_pid:
                    by_pid[pid].status = os.waitstatus_to_exitcode(status)


def _await_netns(process: _Process, link: socket.socket) -> None:
    word, descriptors, _, _ = socket.recv_fds(link, 64, 1)
    if not descriptors:
        raise RuntimeError(f"{process.name} did not start: {_tail(process.output)}")
    process.host_pid, process.netns = int(word), descriptors[0]


def _checked(result: int, fault: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{fault}: {os.strerror(number)}")


def _number_outside() -> int:
    """Return this process's number as the harness sees it."""
    return int(Path("/proc/self").readlink().name)


def _is_listening(address: bytes) -> bool:
    """Tell whether a Unix socket accepts connections here, without disturbing it by one."""
    shown = address.replace(b"\0", b"@")
    for line in Path("/proc/thread-self/net/unix").read_bytes().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[7] == shown and int(fields[3], 16) & _ACCEPTS_CONNECTIONS:
            return True
    return False


def _write(settings: dict[str, str]) -> list[str]:
    failed = []
    for path, value in settings.items():
        try:
            Path("/proc/sys", path).write_text(value)
        except OSError as fault:
            failed.append(f"{path}: {fault.strerror}")
    return failed


def _tail(output: int) -> str:
    size = os.fstat(output).st_size
    return os.pread(output, _KEPT_OUTPUT, max(0, size - _KEPT_OUTPUT)).decode(errors="replace").strip()


def _load(path: str) -> types.ModuleType:
    """Import the agent once: every pod is a fork of this process."""
    module = types.ModuleType("agent")
    module.__file__ = path
    sys.modules["agent"] = module
    exec(compile(Path(path).read_bytes(), path, "exec"), module.__dict__)  # noqa: S102 - our own file
    return module


def main(argv: list[str]) -> int:
    """Serve until the harness has gone."""
    _, control, agent = argv
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard > 0 else 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    supervisor = Supervisor(socket.socket(fileno=int(control)), _load(agent))
    # What is shared now stays shared with every pod, as long as nobody's collector writes to it.
    gc.freeze()
    with contextlib.suppress(EOFError, ConnectionError, BrokenPipeError):
        supervisor.serve()
    return 0


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
