import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, TypeAlias

import psutil
import pytest

from artifacts.runs.capture.piece import NEVER
from artifacts.runs.capture.system import System
from runs.capture.recorder import Remembering

Answer: TypeAlias = Any


class NvmlError(Exception):
    """As pynvml's."""


class Library(ModuleType):
    """In place of pynvml, as no test machine has an NVIDIA GPU: two devices, one of them shy."""

    NVMLError = NvmlError
    NVML_TEMPERATURE_GPU = NVML_CLOCK_GRAPHICS = NVML_AGGREGATE_ECC = 0
    NVML_CLOCK_SM = NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1
    NVML_CLOCK_MEM = NVML_MEMORY_LOCATION_DEVICE_MEMORY = 2
    NVML_MEMORY_ERROR_TYPE_CORRECTED = 0
    is_open = False

    def __getattr__(self, name: str) -> Answer:
        if not name.startswith("nvml"):
            raise AttributeError(name)

        def answer(device: int = 0, *_: object) -> Answer:
            if device == 1 and name not in ("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetName"):
                raise NvmlError
            return ANSWERS[name]

        return answer

    def nvmlInit(self) -> None:  # noqa: N802
        self.is_open = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.is_open = False

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index


ANSWERS: dict[str, Any] = {
    "nvmlDeviceGetCount": 2,
    "nvmlDeviceGetName": b"Fake 9000",
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=90, memory=20),
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=2**30, total=2**32),
    "nvmlDeviceGetTemperature": 61,
    "nvmlDeviceGetPowerUsage": 150_000,
    "nvmlDeviceGetEnforcedPowerLimit": 300_000,
    "nvmlDeviceGetClockInfo": 1400,
    "nvmlDeviceGetMemoryErrorCounter": 0,
    "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=os.getpid())],
    "nvmlDeviceGetGraphicsRunningProcesses": [],
}


@pytest.fixture
def nvidia(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library("pynvml")
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return library


@pytest.fixture
def busy_child() -> Iterator[int]:
    program = "held = b'x' * (200 * 2**20)\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child.pid
        child.kill()


def rows_of(system: System) -> list[dict[str, Any]]:
    written = Remembering()
    system.start(written)
    system.work()
    until = time.process_time() + 0.02
    while time.process_time() < until:
        pass
    system.work()
    system.stop()
    return written.of("system")


def test_rows_tell_of_machine_and_process() -> None:
    first, last = rows_of(System())

    assert first.keys() == last.keys()
    assert {
        "system.cpu",
        "system.cpu.0.cpu_percent",
        "system.memory_percent",
        "system.proc.memory.rssMB",
        "system.proc.memory.availableMB",
        "system.proc.memory.percent",
        "system.proc.cpu.threads",
        "system.disk./.usagePercent",
        "system.disk./.usageGB",
        "system.network.sent",
        "system.network.recv",
    } <= first.keys()
    assert 0 < first["system.memory_percent"] < 100
    assert 5 < first["system.proc.memory.rssMB"] < 4000
    assert first["system.cpu"] > 0
    assert all(isinstance(value, int | float) for value in first.values())


def test_children_count_as_the_process(busy_child: int) -> None:
    alone = psutil.Process().memory_info().rss / 2**20
    row = rows_of(System())[0]
    assert row["system.proc.memory.rssMB"] > alone + 150


def test_process_that_is_gone_leaves_the_machine() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    row = rows_of(System(pid=child.pid))[0]
    assert "system.memory_percent" in row
    assert "system.proc.memory.rssMB" not in row


def test_disk_that_is_not_there_is_left_out() -> None:
    row = rows_of(System(disks=("/", "/no/such/place")))[0]
    assert [key for key in row if "usagePercent" in key] == ["system.disk./.usagePercent"]


def test_gpus_tell_what_they_can(nvidia: Library) -> None:
    row = rows_of(System())[0]

    assert row["system.gpu.0.gpu"] == 90
    assert row["system.gpu.0.memoryAllocated"] == 25.0
    assert row["system.gpu.0.temp"] == 61
    assert row["system.gpu.0.powerWatts"] == 150.0
    assert row["system.gpu.0.powerPercent"] == 50.0
    assert row["system.gpu.process.0.gpu"] == 90
    assert [key for key in row if ".1." in key and "gpu" in key] == [
        "system.gpu.1.memoryAllocated",
        "system.gpu.1.memoryAllocatedBytes",
    ]
    assert not nvidia.is_open


def test_only_wanted_gpus_tell(nvidia: Library) -> None:
    row = rows_of(System(gpus=[1]))[0]
    assert not [key for key in row if key.startswith("system.gpu.0.")]


def test_without_psutil_and_gpus_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    written = Remembering()
    system = System()
    system.start(written)

    assert system.work() == NEVER
    system.stop()

    assert not written.lines


def test_rows_come_as_often_as_is_wanted() -> None:
    system = System(interval_s=3.5)
    system.start(Remembering())
    assert system.work() == 1.0
    assert system.work() == 3.5
    assert system.work() == 3.5
    system.stop()
