"""Machine: what a run ran on."""

from __future__ import annotations

import os
import platform
import shutil
from typing import Any

from artifacts.runs.capture.gpu import Gpus, opened_gpus


def describe_machine(disk: str = "/") -> dict[str, Any]:
    """Host, processors, memory and GPUs, in W&B's words; sizes in bytes as W&B writes them."""
    facts: dict[str, Any] = {"host": platform.node(), "cpu_count_logical": os.cpu_count()}
    try:
        usage = shutil.disk_usage(disk)
    except OSError:
        pass
    else:
        facts["disk"] = {disk: {"total": str(usage.total), "used": str(usage.used)}}
    return {**facts, **_counted(), **_accelerated()}


def _counted() -> dict[str, Any]:
    try:
        import psutil
    except ImportError:
        return {}
    return {
        "cpu_count": psutil.cpu_count(logical=False),
        "memory": {"total": str(psutil.virtual_memory().total)},
    }


def _accelerated() -> dict[str, Any]:
    with opened_gpus(Gpus) as gpus:
        found = gpus.describe()
    if not found:
        return {}
    return {"gpu": found[0]["name"], "gpu_count": len(found), "gpu_nvidia": found}
