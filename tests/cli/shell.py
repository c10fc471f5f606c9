"""Shell: the command `art` in a folder of its own, with a store of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from artifacts.cli.commands import run

FILES = {"a.txt": b"alpha\n", "sub/b c.txt": b"beta\n", "sub/large.bin": Random(1).randbytes(2**21)}
ROOT = Path(__file__).parents[2]
ART = [sys.executable, "-m", "artifacts.cli.main"]


@dataclass(frozen=True)
class Answer:
    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command answers
        return json.loads(self.out)


def _hear_interrupts() -> None:
    """Also where the tests run in the background, whose programs hear none."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Shell:
    """Calling it runs `art` within this process; `start` runs it as a process."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        self.folder = folder
        self._capture = capture

    @property
    def store(self) -> Path:
        """The folder of the settings' store, for those who look into it."""
        if "://" in (url := os.environ["ART_STORE"]):
            pytest.skip("looks into the folder of its store")
        return Path(url)

    def __call__(self, *arguments: str) -> Answer:
        self._capture.readouterr()
        code = run(arguments)
        out, err = self._capture.readouterr()
        return Answer(code, out, err.decode())

    def ok(self, *arguments: str) -> Answer:
        answer = self(*arguments)
        assert answer.code == 0, answer.err
        return answer

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """As a user would: with pipes for both outputs."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [*ART, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self.folder,
            preexec_fn=_hear_interrupts,  # noqa: PLW1509 - it takes no lock
        )

    def process(self, *arguments: str) -> Answer:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=300)
        return Answer(process.returncode, out, err.decode())

    def stored_files(self) -> Iterator[Path]:
        return (path for path in self.store.rglob("*") if path.is_file())

    def damage_last_file(self) -> None:
        """Flip a bit in the bytes of the file that comes last in path order."""
        blob = max(self.stored_files(), key=lambda path: path.stat().st_size)
        data = blob.read_bytes()
        blob.chmod(0o644)
        blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
