"""Scene: a store in a folder of its own, the files that go into it, and what comes out again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from zlib import crc32

from folders import write_tree

import artifacts
from artifacts.cache import is_ours
from artifacts.catalog import Catalog, Version, download
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.names import CollectionName
from artifacts.settings import Settings
from artifacts.storage import LocalStore

Tree = Mapping[str, bytes]
"""Content of files by path."""

DATA = CollectionName("team", "proj", "data")


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a user of one store has on this machine, below one folder."""

    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            store=str(self.folder / "store"),
            entity=DATA.entity,
            project=DATA.project,
            cache_dir=self.folder / "cache",
            artifact_dir=self.folder / "artifacts",
            quiet=True,
        )

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "store")

    @property
    def catalog(self) -> Catalog:
        """With nothing in memory from before."""
        return Catalog.open(self.settings.store)

    def copied(self, folder: Path) -> Scene:
        """Links will do: nobody writes to a file that has its name."""
        for name in ("store", "cache"):
            if (self.folder / name).exists():
                shutil.copytree(self.folder / name, folder / name, copy_function=os.link)
        return Scene(folder)

    def log(self, source: Path, name: str = DATA.collection) -> artifacts.Artifact:
        """As a run of a user's script does."""
        with artifacts.init(settings=self.settings) as run:
            artifact = artifacts.Artifact(name, "dataset")
            artifact.add_dir(str(source))
            return run.log_artifact(artifact)

    def download(self, number: int, folder: Path) -> dict[str, bytes]:
        """The files of a folder once a version was put into it."""
        download(self.versions()[number], folder)
        return read_tree(folder)

    def versions(self, name: CollectionName = DATA) -> list[Version]:
        """Oldest first."""
        return [*self.catalog.versions(name)][::-1]

    def problems(self) -> list[str]:
        """All that a reading of the whole store finds."""
        return [f"{found.where}: {found.reason}" for found in verify_store(self.catalog).problems]


def scene_with(folder: Path, *trees: Tree) -> Scene:
    """A version of each of them, in order."""
    scene = Scene(folder)
    for number, tree in enumerate(trees):
        scene.log(write_tree(folder / str(number), tree))
    return scene


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, except what a download leaves for its own use."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not any(map(is_ours, path.relative_to(folder).parts))
    }


@contextmanager
def memory_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder for what is written a thousand times and never has to last, if there is one."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**29:
        with TemporaryDirectory(dir=memory) as folder:
            yield Path(folder)
    else:
        yield tmp_path


def noise(size: int, seed: int) -> bytes:
    """Bytes that do not compress, the same on every machine."""
    return Random(seed).randbytes(size)


def table(rows: int, seed: int) -> bytes:
    """Lines that compress well, of which no two are the same."""
    random = Random(seed)
    return b"".join(b"%06d,value,%06d\n" % (n, random.randrange(10**6)) for n in range(rows))


def inserted(data: bytes, new: bytes) -> bytes:
    """The data with something new in its middle."""
    return data[: len(data) // 2] + new + data[len(data) // 2 :]


def page_starts() -> Iterator[str]:
    """Names that start a page wherever they come, in ascending order. Source: docs/format.md."""
    for number in range(16**5):
        name = f"{number:05x}"
        if (crc32(name.encode()) * 0x9E3779B1) % 2**32 < 2**21:
            yield name


def everything_below(folder: Path) -> Sequence[tuple[str, bytes]]:
    """Each name below a folder with what is there, links and empty folders too."""
    return sorted(
        (os.path.relpath(path, folder), _content(path)) for path in map(Path, _walk(folder))
    )


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield os.path.join(parent, name)


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return b"link to " + os.fsencode(path.readlink())
    if path.is_file():
        return b"file " + path.read_bytes()
    return b"folder" if path.is_dir() else b"something else"
