"""GPU: what NVIDIA's management library tells of its devices, where there are any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

Nvml: TypeAlias = Any  # pynvml, which may not be there
Device: TypeAlias = Any  # its handle


class Gpus:
    """Of the devices that are named, or of all. Without pynvml, driver or device there are none."""

    def __init__(self, wanted: Sequence[int] | None = None) -> None:
        self._wanted = wanted
        self._nvml: Nvml = None
        self._devices: dict[int, Device] = {}

    @property
    def count(self) -> int:
        """Once it is open."""
        return len(self._devices)

    def open(self) -> None:
        """Raises nothing where there is no GPU."""
        try:
            import pynvml
        except ImportError:
            return
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return
        self._nvml = pynvml
        for index in range(pynvml.nvmlDeviceGetCount()):
            if self._wanted is None or index in self._wanted:
                self._devices[index] = pynvml.nvmlDeviceGetHandleByIndex(index)

    def close(self) -> None:
        """Nothing is read after."""
        if self._nvml is not None:
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._nvml, self._devices = None, {}

    def describe(self) -> list[dict[str, object]]:
        """Name and memory in bytes of each."""
        return [
            {
                "name": _text(self._nvml.nvmlDeviceGetName(device)),
                "memoryTotal": int(self._nvml.nvmlDeviceGetMemoryInfo(device).total),
            }
            for device in self._devices.values()
        ]

    def read(self, pid: int) -> dict[str, float]:
        """Numbers by name; what a device does not tell is left out.

        Those of a device that the process uses are there a second time, as the process's.
        """
        row: dict[str, float] = {}
        for index, device in self._devices.items():
            told: dict[str, float] = {}
            for measure in (_load, _memory, _temperature, _power, _clocks, _errors):
                with suppress(self._nvml.NVMLError):
                    told.update(measure(self._nvml, device))
            row |= {f"gpu.{index}.{name}": value for name, value in told.items()}
            if self._is_used(device, pid):
                row |= {f"gpu.process.{index}.{name}": value for name, value in told.items()}
        return row

    def _is_used(self, device: Device, pid: int) -> bool:
        nvml = self._nvml
        for processes in (
            nvml.nvmlDeviceGetComputeRunningProcesses,
            nvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            with suppress(nvml.NVMLError):
                if any(each.pid == pid for each in processes(device)):
                    return True
        return False


@contextmanager
def opened_gpus(make: Callable[[], Gpus] = Gpus) -> Iterator[Gpus]:
    """Until the end of the block."""
    gpus = make()
    gpus.open()
    try:
        yield gpus
    finally:
        gpus.close()


def _load(nvml: Nvml, device: Device) -> dict[str, float]:
    rates = nvml.nvmlDeviceGetUtilizationRates(device)
    return {"gpu": rates.gpu, "memory": rates.memory}


def _memory(nvml: Nvml, device: Device) -> dict[str, float]:
    memory = nvml.nvmlDeviceGetMemoryInfo(device)
    percent = round(100 * memory.used / memory.total, 2)
    return {"memoryAllocated": percent, "memoryAllocatedBytes": memory.used}


def _temperature(nvml: Nvml, device: Device) -> dict[str, float]:
    return {"temp": nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU)}


def _power(nvml: Nvml, device: Device) -> dict[str, float]:
    watts = nvml.nvmlDeviceGetPowerUsage(device) / 1000
    limit = nvml.nvmlDeviceGetEnforcedPowerLimit(device) / 1000
    percent = {"powerPercent": round(100 * watts / limit, 2)} if limit else {}
    return {"powerWatts": watts, "enforcedPowerLimitWatts": limit, **percent}


def _clocks(nvml: Nvml, device: Device) -> dict[str, float]:
    return {
        "smClock": nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_SM),
        "memoryClock": nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_MEM),
        "graphicsClock": nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_GRAPHICS),
    }


def _errors(nvml: Nvml, device: Device) -> dict[str, float]:
    return {
        name: nvml.nvmlDeviceGetMemoryErrorCounter(
            device, kind, nvml.NVML_AGGREGATE_ECC, nvml.NVML_MEMORY_LOCATION_DEVICE_MEMORY
        )
        for name, kind in (
            ("correctedMemoryErrors", nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED),
            ("uncorrectedMemoryErrors", nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
        )
    }


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
