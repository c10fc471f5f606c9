"""Machine: what the figures were measured on, and with which versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.data import GIB
from benchmarks.product import CHECKOUT


def describe(folder: Path) -> str:
    """Processor, memory, the filesystem that holds `folder`, kernel and Python."""
    return ", ".join(
        (
            f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
            f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GIB:.0f} GiB RAM",
            _filesystem(folder),
            f"{platform.system()} {platform.release()}",
            f"{platform.python_implementation()} {platform.python_version()}",
        )
    )


def product_version() -> str:
    """The distribution's version, if it is installed, and the checkout's commit."""
    try:
        name = f"artifact-store {version('artifact-store')}"
    except PackageNotFoundError:
        name = "artifact-store"
    commit = _git("rev-parse", "--short", "HEAD") or "no commit"
    changed = " with changes" if _git("status", "--porcelain", "artifacts") else ""
    return f"{name} at {commit}{changed}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _filesystem(folder: Path) -> str:
    """Type and device of the innermost mount. Source: proc_pid_mountinfo(5)."""
    found = ("", "an unknown filesystem")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, facts = line.split(" - ", 1)
        point = place.split()[4]
        kind, device = facts.split()[:2]
        if folder.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, f"{kind} on {device}")
    return found[1]


def _git(*words: str) -> str:
    argv = ("git", "-C", str(CHECKOUT), *words)
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
