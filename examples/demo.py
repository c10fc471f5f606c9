"""Demo: the main job on real files - version a tree, change it, get it back, audit it.

Run by `make demo`, in a folder and a store of its own that are gone afterwards.
"""

from __future__ import annotations

import logging
import shutil
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import artifacts

PROJECT = "demo"
IGNORED = shutil.ignore_patterns("site-packages", "__pycache__", "test", "idlelib", "lib2to3")


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is done, and afterwards how long it took."""
    print(f"{text:<58}", end="", flush=True)
    began = time.perf_counter()
    yield
    print(f"{time.perf_counter() - began:7.2f} s")


def main() -> None:
    logging.getLogger("artifacts").setLevel(logging.ERROR)  # the store's place is of no interest
    with tempfile.TemporaryDirectory(prefix="art-demo-") as folder:
        play(Path(folder))


def play(folder: Path) -> None:
    """The whole story, in an empty folder."""
    settings = artifacts.Settings.load(
        store=folder / "store", project=PROJECT, cache_dir=folder / "cache"
    )
    data = folder / "stdlib"
    with step("copy Python's standard library, to have something to change"):
        shutil.copytree(sysconfig.get_path("stdlib"), data, ignore=IGNORED)

    with step("log it as a dataset"):
        first = log(data, settings)
    print(f"    {describe(first)}")
    with step("log it again, unchanged: the same version"):
        assert log(data, settings).name == first.name

    (data / "this.py").write_text("print('Now is better than never.')\n")
    (data / "antigravity.py").unlink()
    (data / "new_module.py").write_text("answer = 42\n")
    with step("change a file, delete one, add one, log it a third time"):
        second = log(data, settings)
    print(f"    {describe(second)}")
    show_difference(first, second)

    old, new = folder / "old", folder / "new"
    with step(f"download {first.name}"):
        first.download(old)
    with step(f"download {second.name}"):
        second.download(new)
    with step("verify both, every byte"):
        first.verify(str(old))
        second.verify(str(new))

    flip_a_bit(new / "json" / "decoder.py")
    with step("flip one bit of one file, and verify again"):
        complaint = audit(second, new)
    print(f"    {complaint}")
    print_what_next()


def log(data: Path, settings: artifacts.Settings) -> artifacts.Artifact:
    """One run of a pipeline."""
    with artifacts.init(settings=settings) as run:
        artifact = artifacts.Artifact("stdlib", type="dataset")
        artifact.add_dir(str(data))
        return run.log_artifact(artifact)


def describe(artifact: artifacts.Artifact) -> str:
    size = f"{artifact.size / 2**20:.1f} MiB"
    return f"{artifact.name}: {artifact.file_count} files, {size}, {artifact.digest[:16]}…"


def show_difference(old: artifacts.Artifact, new: artifacts.Artifact) -> None:
    before, after = old.manifest.entries, new.manifest.entries
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            print(f"    + {path}")
        elif path not in after:
            print(f"    - {path}")
        elif before[path].digest != after[path].digest:
            print(f"    ~ {path}")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def audit(artifact: artifacts.Artifact, folder: Path) -> str:
    try:
        artifact.verify(str(folder))
    except ValueError as error:
        return str(error).splitlines()[-1]
    raise AssertionError("a flipped bit went unnoticed")


def print_what_next() -> None:
    print(
        """
Next, with your own data:
    .venv/bin/art put ./data mnist          version a folder
    .venv/bin/art ls                        what there is
    .venv/bin/art get mnist ./copy          get it back, every byte checked
    .venv/bin/art verify ./copy             audit it, offline, anywhere
    export ART_STORE=/mnt/shared/store      from now on use another store"""
    )


if __name__ == "__main__":
    main()
