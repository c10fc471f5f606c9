"""Server: an object store that runs on this machine, and what a client needs to reach it."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import platformdirs

HOST = "127.0.0.1"
_START_S = 300
_NPM = platformdirs.user_cache_path("artifacts-tests", appauthor=False) / "npm"
NPM_INSTALL = f"npm install --prefix {_NPM}"


class MissingError(Exception):
    """The server is not installed here; says how to."""


@dataclass(frozen=True, slots=True)
class Server:
    """A bucket in which every test makes a place of its own."""

    scheme: str
    bucket: str
    options: Mapping[str, Any]
    environment: Mapping[str, str]  # that its clients need

    def place(self) -> str:
        """A URL at which nothing lies yet."""
        return f"{self.scheme}://{self.bucket}/{uuid4().hex}"

    def clear(self, place: str) -> None:
        """Nobody needs what lies there any more; a server that minds may delete it."""


def find(program: str, installation: str) -> str:
    """The path of a program, be it npm's or the system's. Raises MissingError."""
    beside = Path(sys.executable).parent
    for folder in (None, str(_NPM / "node_modules" / ".bin"), str(beside)):
        if found := shutil.which(program, path=folder):
            return found
    raise MissingError(f"no {program} here: {installation}")


def free_port() -> int:
    """Not one of those that the system gives to clients: it might, before the server has it."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as found, suppress(OSError):
            found.bind((HOST, port))
            return port


@contextmanager
def running(
    command: Sequence[str | os.PathLike[str]],
    folder: Path,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """A program that answers at its port; killed in the end, as it has nothing to save."""
    name = Path(command[0]).name
    with (folder / f"{name}.out").open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )
    try:
        if port is not None:
            _wait_until_it_answers(process, port, folder / f"{name}.out")
        yield
    finally:
        process.kill()
        process.wait()


def _die_with_parent() -> None:
    """Tests that are killed leave no servers behind. Source: prctl(2), PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, out: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=60).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{out.stem} does not answer:\n{out.read_text(errors='replace')[-2000:]}")
