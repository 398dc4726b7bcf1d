"""A small lab of network namespaces for the agent and the engines: two hosts, a router that denies in every way.

    client 198.51.100.2 --- router --- server 203.0.113.2        (and 2001:db8:a::2, 2001:db8:b::2)

What the router does depends on the port alone. Needs root; its namespaces carry this process's id.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.errors import ChannelClosedError, ProbeError
from harness.model.flow import Endpoint
from harness.probing.session import AgentSession

AGENT = Path(__file__).parents[2] / "probes" / "agent.py"

OPEN, DROPPED, REJECTED, PROHIBITED, RESET, CLOSED, SILENCED, CUT = 8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087
# What listens on the server; CLOSED is what does not.
SERVED = (OPEN, DROPPED, REJECTED, PROHIBITED, RESET, SILENCED, CUT)

RULES = f"""
table inet router {{
    chain forward {{
        type filter hook forward priority 0
        th dport {DROPPED} drop
        th dport {REJECTED} reject with icmpx port-unreachable
        th dport {PROHIBITED} reject with icmpx admin-prohibited
        tcp dport {RESET} reject with tcp reset
        tcp dport {SILENCED} tcp flags & psh == psh drop
        tcp dport {CUT} tcp flags & psh == psh reject with tcp reset
    }}
}}
"""


class PipeChannel:
    """An `AgentChannel` over the pipes of a process: `agent.py attach`, as an exec into a pod would run it."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def send(self, line: str) -> None:
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except (OSError, ValueError) as fault:
            raise ChannelClosedError("the process has ended") from fault

    def receive(self) -> str:
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            self.process.stdout.close()
            raise ChannelClosedError("cut in the middle of a line" if line else "the process has ended")
        return line[:-1].decode()

    def close(self) -> None:
        # Ending it is what wakes a reader; its pipes are closed once it is gone.
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            self.process.stdin.close()


class Lab:
    """Network namespaces by short name, with agents in them."""

    _serial = itertools.count()

    def __init__(self) -> None:
        self.prefix = f"nptest-{os.getpid()}-{next(self._serial)}-"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.sessions: list[AgentSession] = []
        self.namespaces: list[str] = []

    def add(self, name: str) -> str:
        self.namespaces.append(name)
        run("ip", "netns", "add", self.prefix + name)
        self.inside(name, "ip", "link", "set", "lo", "up")
        # An address under detection sends nothing for about a second.
        self.inside(name, "sh", "-c", "for file in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $file; done")
        return self.prefix + name

    def inside(self, name: str, *command: str, text: str = "") -> None:
        run("ip", "netns", "exec", self.prefix + name, *command, text=text)

    def join(self, host: str, router: str, ipv4: str, ipv6: str) -> None:
        """Connect `host` to `router`; the networks are given without their last number."""
        link = f"v-{host}"[:15]
        ends = ("type", "veth", "peer", "name", link, "netns", self.prefix + router)
        run("ip", "-n", self.prefix + host, "link", "add", "eth0", *ends)
        for name, device, last in ((host, "eth0", 2), (router, link, 1)):
            netns = ["ip", "-n", self.prefix + name]
            run(*netns, "address", "add", f"{ipv4}.{last}/24", "dev", device)
            run(*netns, "address", "add", f"{ipv6}::{last}/64", "dev", device, "nodad")
            run(*netns, "link", "set", device, "up")
        run("ip", "-n", self.prefix + host, "route", "add", "default", "via", f"{ipv4}.1")
        run("ip", "-n", self.prefix + host, "-6", "route", "add", "default", "via", f"{ipv6}::1")

    def quicken(self, name: str, *, forward: bool) -> None:
        """Send ICMP errors without the kernel's limits, which would turn a refusal into silence."""
        settings = ["net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"]
        if forward:
            settings += ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        for setting in settings:
            key, _, value = setting.partition("=")
            self.inside(name, "sh", "-c", f"echo {value} > /proc/sys/{key.replace('.', '/')}")

    def output(self, name: str, *command: str) -> str:
        """Run a command that must succeed and return what it prints."""
        return run("ip", "netns", "exec", self.prefix + name, *command)

    def failing(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        full = ["ip", "netns", "exec", self.prefix + name, *command]
        return subprocess.run(full, check=False, capture_output=True, text=True, timeout=30)

    def attach(self, name: str, agent: str) -> PipeChannel:
        """Open a channel to an agent, as an exec into its pod would."""
        return PipeChannel(
            ["ip", "netns", "exec", self.prefix + name, *python(), str(AGENT), "attach", "--name", agent]
        )

    def serve(self, name: str, agent: str, *arguments: str) -> AgentSession:
        """Start an agent and return a session with it."""
        serving = [*python(), str(AGENT), "serve", "--name", agent, *arguments]
        self.processes.append(subprocess.Popen(["ip", "netns", "exec", self.prefix + name, *serving]))
        until = time.monotonic() + 10
        while True:
            session = AgentSession(self.attach(name, agent), Endpoint(agent))
            try:
                session.hello(10)
            except ProbeError:
                session.close()
                if time.monotonic() > until:
                    raise
            else:
                self.sessions.append(session)
                return session

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        for name in self.namespaces:
            run("ip", "netns", "delete", self.prefix + name)


def run(*command: str, text: str = "") -> str:
    """Run a command that must succeed and return what it prints."""
    return subprocess.run(command, input=text, text=True, check=True, capture_output=True, timeout=30).stdout


def python(code: str | None = None) -> list[str]:
    """Return the command for this Python, with a program if one is given."""
    return [sys.executable, *(["-c", code] if code is not None else [])]
