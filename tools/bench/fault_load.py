"""The clients of tools/bench/faults: one process, many connections, its findings as JSON on its last line.

steady PORT SECONDS CONNECTIONS [PATH]: requests one after another on each connection, like a patient user agent: a
reused connection that ends before the first byte of an answer is tried once more (RFC 9112 section 9.3.1).
hold PORT SECONDS COUNT KIND TIMEOUT: COUNT clients that each stop in the middle of something (KIND: idle, header, body
or reader), come again when they are cut, and measure by how much later than TIMEOUT seconds that was.
"""

from __future__ import annotations

import json
import resource
import select
import socket
import sys
import time
from collections.abc import Callable
from itertools import count

REQUEST = b"GET %b HTTP/1.1\r\nHost: faults\r\n\r\n"
HELD = {
    "idle": REQUEST % b"/",
    "header": b"GET / HTTP/1.1\r\nHost: faults\r\nX-Slow: ",
    "body": b"POST /echo HTTP/1.1\r\nHost: faults\r\nContent-Length: 100000\r\n\r\nx",
    "reader": REQUEST % b"/big?size=20000000",
}


def raise_limit() -> None:
    """Takes all descriptors that this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


_sources = count()


def connect(port: int, small_window: bool = False) -> socket.socket:
    """A connection from an address of 127.0.0.0/8, so that ports never run out."""
    sock = socket.socket()
    if small_window:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    number = next(_sources)
    sock.bind((f"127.1.{number // 4000 % 250}.1", 0))
    sock.settimeout(60)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


def percentile(values: list[float], share: float) -> float:
    """Of milliseconds; 0 when there are none."""
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 2) if values else 0.0


class Client:
    """One connection that asks again and again."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port, self.request = port, request
        self.answer = b""
        self.began = 0.0
        self.reused = self.again = False
        self.sock = connect(port)

    def ask(self) -> None:
        self.answer = b""
        self.began = time.perf_counter()
        try:
            self.sock.send(self.request)
        except OSError:
            pass  # the end of the connection is found by reading

    def complete(self) -> bool:
        head, mark, body = self.answer.partition(b"\r\n\r\n")
        if not mark:
            return False
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return len(body) >= int(length or b"0")


def steady(port: int, seconds: float, connections: int, path: str = "/") -> dict[str, object]:
    """Requests until the time is over, then waits for the last answers."""
    poll = select.epoll()
    clients: dict[int, Client] = {}
    latencies: list[float] = []
    found = {"requests": 0, "retried": 0, "cut": 0, "failed": 0, "refused": 0}

    def begin(again: bool = False) -> None:
        try:
            client = Client(port, REQUEST % path.encode())
        except OSError:
            found["refused"] += 1
            found["failed"] += again
            return
        client.again = again
        clients[client.sock.fileno()] = client
        poll.register(client.sock, select.EPOLLIN)
        client.ask()

    def end(client: Client) -> None:
        clients.pop(client.sock.fileno())
        poll.unregister(client.sock)
        client.sock.close()

    for _ in range(connections):
        begin()
    deadline = time.perf_counter() + seconds
    while clients and time.perf_counter() < deadline + 30:
        over = time.perf_counter() >= deadline
        for number, _ in poll.poll(1):
            client = clients[number]
            try:
                data = client.sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                client.answer += data
                if not client.complete():
                    continue
                latencies.append((time.perf_counter() - client.began) * 1000)
                found["requests"] += 1
                closes = b"connection: close" in client.answer.lower()
                client.reused, client.again = True, False
                if over or closes:
                    end(client)
                    if not over:
                        begin()
                else:
                    client.ask()
                continue
            # It ended under a request that was on its way.
            end(client)
            found["cut"] += 1
            if client.reused and not client.answer and not client.again:
                found["retried"] += 1
                begin(again=True)
            else:
                found["failed"] += 1
                if not over:
                    begin()
    found["failed"] += len(clients)  # never answered
    return found | {
        "p50": percentile(latencies, 0.5),
        "p99": percentile(latencies, 0.99),
        "longest": percentile(latencies, 1),
        "each_second": round(found["requests"] / seconds),
    }


def hold(port: int, seconds: float, wanted: int, kind: str, timeout: float) -> dict[str, object]:
    """Clients that stop in the middle, spread evenly over the time-out; those that are cut are counted and come again.

    The time is over `seconds` after the last of them has come, or a minute later where none was cut that should be.
    """
    poll = select.epoll()
    held: dict[int, tuple[socket.socket, float]] = {}
    late: list[float] = []
    refused = 0
    spacing = timeout / wanted if timeout < 60 else 0.0

    def begin() -> None:
        nonlocal refused
        # From before the request left, so that a busy client can only measure too much.
        now = time.perf_counter()
        try:
            sock = connect(port, kind == "reader")
            sock.send(HELD[kind])
        except OSError:
            refused += 1
            return
        held[sock.fileno()] = (sock, now)
        # A reader that does not read learns of its end by the reset alone.
        poll.register(sock, select.EPOLLIN if kind != "reader" else 0)

    def is_cut(sock: socket.socket, events: int) -> bool:
        try:
            data = sock.recv(65536) if events & select.EPOLLIN else b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not data or b" 408 " in data[:20]

    begun = time.perf_counter()
    come, deadline = 0, float("inf")
    while time.perf_counter() < deadline + (0 if late or timeout > 60 else 60):
        while come < wanted and time.perf_counter() >= begun + come * spacing:
            begin()
            come += 1
            if come == wanted:
                print("held", flush=True)
                deadline = time.perf_counter() + seconds
        for number, events in poll.poll(min(0.2, spacing) if come < wanted else 0.2):
            sock, began = held[number]
            if not is_cut(sock, events):
                continue
            late.append((time.perf_counter() - began - timeout) * 1000)
            poll.unregister(sock)
            sock.close()
            held.pop(number)
            begin()
    return {
        "held": len(held),
        "cut": len(late),
        "refused": refused,
        # The server counts from when it began to look at what its sockets had, a moment before it came to this one.
        "early": sum(one < -10 for one in late),
        "late_p50": percentile(late, 0.5),
        "late_p99": percentile(late, 0.99),
        "late_longest": percentile(late, 1),
    }


def main() -> None:
    """Runs what the command line says."""
    raise_limit()
    command, port, seconds, number, *rest = sys.argv[1:]
    run: Callable[..., dict[str, object]] = steady if command == "steady" else hold
    arguments = rest if command == "steady" else [rest[0], float(rest[1])]
    print(json.dumps(run(int(port), float(seconds), int(number), *arguments)), flush=True)


if __name__ == "__main__":
    main()
