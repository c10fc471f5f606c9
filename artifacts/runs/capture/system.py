"""System: what the machine and the process do, as rows of stream `system`."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from artifacts.runs.capture.gpu import Gpus
from artifacts.runs.capture.piece import NEVER, Recorder

Psutil: TypeAlias = Any  # the module, which may not be there
STREAM = "system"
_FIRST_S = 1.0  # a run that is over sooner has used nothing worth telling
_MB = 2**20
_log = logging.getLogger(__name__)


class System:
    """A row every `interval_s`, and one at the end. Names are W&B's, of which docs/runs.md tells.

    Processor, memory, disks, network and processes are psutil's to tell; without it there are none
    of them. GPUs are NVIDIA's, where pynvml finds any.
    """

    def __init__(
        self,
        interval_s: float = 15.0,
        pid: int | None = None,
        disks: Sequence[str] = ("/",),
        gpus: Sequence[int] | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._pid, self._disks = pid or os.getpid(), disks
        self._gpus = Gpus(gpus)
        self._writer: Recorder | None = None
        self._probe: _Probe | None = None
        self._is_begun = False

    def start(self, writer: Recorder) -> None:
        """Nothing is imported before the first work."""
        self._writer = writer

    def work(self) -> float:
        """The first row comes a second after the start."""
        if not self._is_begun:
            self._is_begun = True
            self._probe = _probe(self._pid, self._disks)
            self._gpus.open()
            return _FIRST_S if self._probe or self._gpus.count else NEVER
        self._tell()
        return self._interval_s

    def stop(self) -> None:
        """With a last row, if there was time for a first."""
        if self._is_begun:
            self._tell()
            self._gpus.close()

    def _tell(self) -> None:
        row = {**(self._probe.read() if self._probe else {}), **self._gpus.read(self._pid)}
        if row and self._writer:
            self._writer.line(STREAM, {f"system.{name}": value for name, value in row.items()})


class _Probe:
    """psutil's answers. What it cannot tell on this machine is left out."""

    def __init__(self, psutil: Psutil, pid: int, disks: Sequence[str]) -> None:
        self._psutil, self._pid, self._disks = psutil, pid, disks
        self._refusals = (psutil.Error, OSError, NotImplementedError, RuntimeError)
        self._processes: dict[int, Any] = {}
        self._disk_then, self._net_then = self._disk_now(), self._net_now()
        with suppress(*self._refusals):
            psutil.cpu_percent(percpu=True)  # each answer is of the time since the one before
            self._of_processes()

    def read(self) -> dict[str, float]:
        """Numbers by name, without `system.`."""
        row: dict[str, float] = {}
        for part in (self._of_processor, self._of_memory, self._of_processes, self._of_traffic):
            with suppress(*self._refusals):
                row.update(part())
        for disk in self._disks:
            with suppress(OSError):
                usage = shutil.disk_usage(disk)
                row[f"disk.{disk}.usagePercent"] = _rounded(100 * usage.used / usage.total)
                row[f"disk.{disk}.usageGB"] = _rounded(usage.used / 2**30)
        return row

    def _of_processor(self) -> dict[str, float]:
        cores = self._psutil.cpu_percent(percpu=True)
        row = {f"cpu.{core}.cpu_percent": percent for core, percent in enumerate(cores)}
        return {"cpu.percent": _rounded(sum(cores) / len(cores)), **row}

    def _of_memory(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        return {
            "memory_percent": memory.percent,
            "proc.memory.availableMB": _rounded(memory.available / _MB),
        }

    def _of_processes(self) -> dict[str, float]:
        """The run's process and all its descendants, as one."""
        total = self._psutil.virtual_memory().total
        size, threads, percent = 0, 0, 0.0
        for process in self._family():
            with suppress(*self._refusals):
                percent += process.cpu_percent()
                size += process.memory_info().rss
                threads += process.num_threads()
        cores = os.cpu_count() or 1
        return {
            "cpu": _rounded(percent / cores),
            "proc.cpu.threads": threads,
            "proc.memory.rssMB": _rounded(size / _MB),
            "proc.memory.percent": _rounded(100 * size / total),
        }

    def _family(self) -> Iterator[Any]:
        """Kept from row to row, since a process tells of the time since it was last asked."""
        root = self._processes.get(self._pid) or self._psutil.Process(self._pid)
        found = {each.pid: each for each in (root, *root.children(recursive=True))}
        self._processes = {
            pid: known if (known := self._processes.get(pid)) == each else each
            for pid, each in found.items()
        }
        yield from self._processes.values()

    def _of_traffic(self) -> dict[str, float]:
        """Since the run began."""
        row = {}
        for name, now, then in zip(
            ("disk.in", "disk.out"), self._disk_now(), self._disk_then, strict=True
        ):
            row[name] = _rounded((now - then) / _MB)
        for name, now, then in zip(
            ("network.recv", "network.sent"), self._net_now(), self._net_then, strict=True
        ):
            row[name] = now - then
        return row

    def _disk_now(self) -> tuple[int, int]:
        counters = None
        with suppress(*self._refusals):
            counters = self._psutil.disk_io_counters()
        return (counters.read_bytes, counters.write_bytes) if counters else (0, 0)

    def _net_now(self) -> tuple[int, int]:
        counters = None
        with suppress(*self._refusals):
            counters = self._psutil.net_io_counters()
        return (counters.bytes_recv, counters.bytes_sent) if counters else (0, 0)


def _probe(pid: int, disks: Sequence[str]) -> _Probe | None:
    try:
        import psutil
    except ImportError:
        _log.info("no psutil, so no system metrics: pip install 'artifact-store[runs]' brings it")
        return None
    return _Probe(psutil, pid, disks)


def _rounded(value: float) -> float:
    return round(value, 2)
