"""Process: one program run to its end and measured, with all that it started."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OUTPUT = "output.log"  # what the last program wrote, in the folder where it ran

_PR_SET_CHILD_SUBREAPER = 36
_LINGER_S = 30.0
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class ProgramFailedError(Exception):
    """A program ended with another status than 0, or did not do its work."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, in which folder, with exactly which environment."""

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program took.

    CPU is user + system of it and all its descendants; wall ends when the program itself does;
    the peak is that of the one process among them that held most.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int
    stored_bytes: int = 0  # that its store grew by, where it has one


def adopt_orphans() -> None:
    """Make daemons that a program leaves behind children of ours, so that they count too."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def measure(command: Command) -> Usage:
    """Run to the end. Raises ProgramFailedError with the last lines that the program wrote.

    A child's peak starts at the memory of who starts it, so the caller has to stay small.
    """
    others = _children()
    log = command.folder / OUTPUT
    with open(log, "wb") as output:
        started = time.perf_counter()
        child = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    usages = [usage, *_reap_orphans(others)]
    if child.returncode != 0:
        raise ProgramFailedError(_complaint(command, child.returncode, log))
    return Usage(
        sum(each.ru_utime + each.ru_stime for each in usages),
        wall_s,
        max(each.ru_maxrss for each in usages) * _RSS_UNIT,
    )


def _reap_orphans(others: set[int]) -> list[resource.struct_rusage]:
    """Wait for adopted descendants; one that does not end by itself is ended, and counts."""
    usages: list[resource.struct_rusage] = []
    deadline = time.monotonic() + _LINGER_S
    while orphans := _children() - others:
        for orphan in orphans:
            if time.monotonic() > deadline:
                os.kill(orphan, signal.SIGKILL)
            pid, _, usage = os.wait4(orphan, os.WNOHANG)
            usages += [usage] if pid else []
        time.sleep(0.005)
    return usages


def _children() -> set[int]:
    """Processes that this one waits for; where there is no /proc, orphans are not adopted."""
    own = os.getpid()
    file = Path(f"/proc/{own}/task/{own}/children")
    return {int(pid) for pid in file.read_text().split()} if file.exists() else set()


def _complaint(command: Command, status: int, log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return f"{Path(command.argv[0]).name} ended with status {status}: {last[-300:]}"
