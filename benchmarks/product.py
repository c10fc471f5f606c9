"""Product: this checkout's package, driven as its users drive it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contender import Argv, Contender

CHECKOUT = Path(__file__).resolve().parent.parent

_ADD = """\
import sys
import artifacts
run = artifacts.init(project="bench")
data = artifacts.Artifact("data", type="dataset")
data.add_dir(sys.argv[1])
run.log_artifact(data)
run.finish()
"""
_DOWNLOAD = """\
import sys
import artifacts
artifacts.Api().artifact("bench/data:latest").download(root=sys.argv[1])
"""
_PYTHON = {
    "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(CHECKOUT))))
}
_ART = (sys.executable, "-m", "artifacts.cli.main")


def add(folders: Sequence[Path], writes: int, store: str = "{place}") -> Contender:
    """Log each folder as the next version of one artifact, each in a new process."""
    return contender("product add", tuple(map(_add, folders)), store, writes)


def add_and_download(folder: Path, size: int, store: str) -> Contender:
    """Log a folder; then download it to a machine that has seen nothing of it."""
    cold = ("env", "ART_CACHE_DIR={place}/cold", sys.executable, "-c", _DOWNLOAD, "{place}/copy")
    return contender("product", (_add(folder), cold), store, size)


def download(store: Path, size: int) -> Contender:
    """Download what `add` logged to the store at this place, into a new folder."""
    fetch = (sys.executable, "-c", _DOWNLOAD, "{place}/copy")
    return contender("product download", (fetch,), str(store), size)


def verify(folder: Path) -> Contender:
    """Check a downloaded folder, offline."""
    return contender("product verify", ((*_ART, "verify", str(folder)),), "{place}", 0)


def start() -> Contender:
    """Import the package; ask the command for its version."""
    steps = ((sys.executable, "-c", "import artifacts"), (*_ART, "--version"))
    return contender("product start", steps, "{place}", 0)


def manifest(entries: int) -> Contender:
    """Figures of a manifest, printed by one process as JSON."""
    argv = (sys.executable, "-m", "benchmarks.manifest", str(entries))
    return contender("product manifest", (argv,), "{place}", 0)


def collection(versions: int) -> Contender:
    """Figures of a collection, printed by one process as JSON."""
    argv = (sys.executable, "-m", "benchmarks.collection", str(versions))
    return contender("product collection", (argv,), "{place}", 0)


def bare_python() -> Contender:
    """What Python takes to start and end, twice."""
    step = (sys.executable, "-c", "pass")
    return Contender("bare Python", (step, step), environment=_PYTHON)


def _add(folder: Path) -> Argv:
    return (sys.executable, "-c", _ADD, str(folder))


def contender(
    name: str, steps: tuple[Argv, ...], store: str = "{place}", writes: int = 0
) -> Contender:
    """Of this checkout, with a store and a cache of its own."""
    return Contender(
        name=name,
        steps=steps,
        environment=_PYTHON | {"ART_STORE": f"{store}/store", "ART_CACHE_DIR": "{place}/cache"},
        writes=writes,
        missing="" if importlib.util.find_spec("artifacts") else "artifacts not importable",
    )
