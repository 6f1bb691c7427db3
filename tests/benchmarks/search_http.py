"""Milliseconds of typed sentences through HTTP, one at a time and 8 at once; the server's work and memory.

    python -m tests.benchmarks.search_http INDEX [--queries 100]

The server is a process of its own (the serve command); every answer is read whole.  8 at once: 8 clients,
each of which asks again when it has its answer.  An index of drawn films: tests.benchmarks.generated_index.
"""

import argparse
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np

WORDS = ("a", "man", "woman", "child", "opens", "the", "door", "runs", "walks", "sits", "street", "night")
TOGETHER = 8


def main() -> None:
    """Serves the index, asks, prints a line per kind of asking."""
    parser = argparse.ArgumentParser()
    parser.add_argument("index")
    parser.add_argument("--queries", type=int, default=100, help="of each kind")
    asked = parser.parse_args()
    with served(asked.index) as (port, process):
        taken(port, 3, seed=99)  # the first ones read what is mapped
        told("HTTP alone", lambda: taken(port, asked.queries, seed=0, path="/health?"), process)
        told("one at a time", lambda: taken(port, asked.queries, seed=0), process)
        told(f"{TOGETHER} at once", lambda: together(port, -(-asked.queries // TOGETHER)), process)


@contextmanager
def served(index: str) -> Iterator[tuple[int, int]]:
    """The port and the process of a server over an index."""
    command = [sys.executable, "-m", "method_tng.serve", index, "--port", "0"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        place = re.search(r"http://127\.0\.0\.1:(\d+)/", server.stdout.readline())
        if place is None:
            raise SystemExit("the server did not start")
        print(f"the server was up after {time.perf_counter() - began:.1f} s")
        yield int(place[1]), server.pid
        server.send_signal(signal.SIGINT)


def taken(port: int, count: int, seed: int, path: str = "/search?text=") -> list[float]:
    """Milliseconds of each of `count` requests over one connection."""
    draw, found = np.random.default_rng(seed), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(count):
        text = quote(" ".join(draw.choice(WORDS, 8)))
        began = time.perf_counter()
        connection.request("GET", path + text)
        answer = connection.getresponse()
        answer.read()
        found.append(1e3 * (time.perf_counter() - began))
        assert answer.status == 200, answer.status
    connection.close()
    return found


def together(port: int, each: int) -> list[float]:
    """Milliseconds of the searches of TOGETHER clients at a time."""
    with ThreadPoolExecutor(TOGETHER) as clients:
        parts = clients.map(lambda seed: taken(port, each, seed), range(1, TOGETHER + 1))
        return [one for part in parts for one in part]


def told(what: str, ask: Callable[[], list[float]], process: int) -> None:
    """Asks; prints percentiles, the server's processor time for each, and its memory."""
    before = _processor_seconds(process)
    milliseconds = ask()
    work = 1e3 * (_processor_seconds(process) - before) / len(milliseconds)
    low, middle, high = np.percentile(milliseconds, (0, 50, 95))
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    whole, own = (int(fields[name].split()[0]) / 1e3 for name in ("VmRSS", "RssAnon"))
    print(
        f"{what:14s} p50 {middle:.0f} ms, p95 {high:.0f} ms, least {low:.0f} ms, {work:.0f} processor ms; "
        f"{whole:.0f} MB resident, {own:.0f} MB of them not mapped files"
    )


def _processor_seconds(process: int) -> float:
    """Of all threads, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
