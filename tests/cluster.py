"""Cluster: a Dask scheduler and its workers, each a process of its own, as a user starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATHS = os.pathsep.join(map(str, (Path(__file__).parents[1], Path(__file__).parent)))
_START_S = 300


@dataclass(frozen=True)
class Cluster:
    url: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Everything of it ends with the block."""
    file = folder / "scheduler.json"
    processes = [_start(folder, "scheduler", "--scheduler-file", str(file), "--port", "0")]
    try:
        _wait_for(file, processes[0])
        for number in range(workers):
            named = ("--scheduler-file", str(file), "--nthreads", "1", "--name", str(number))
            processes.append(_start(folder, "worker", *named, "--no-nanny"))
        yield Cluster(_url(file), processes[1:])
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def _start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / "dask.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--no-dashboard"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": _PATHS},
            stdout=log,
            stderr=log,
        )


def _wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while not file.exists() or not file.read_text().endswith("}"):
        assert process.poll() is None
        assert time.monotonic() < until, "the scheduler does not start"
        time.sleep(0.05)


def _url(file: Path) -> str:
    return str(json.loads(file.read_text())["address"]).replace("tcp://", "dask://")
