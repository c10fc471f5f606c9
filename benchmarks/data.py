"""DataSet: a folder of files whose every byte follows from its name, on every machine."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

KIB, MIB, GIB = 2**10, 2**20, 2**30

_BLOCK = MIB
_SECTOR = 512  # what st_blocks counts
_SPLITS = ("train", "valid", "test", "holdout", "unlabeled")
_ROWS_AT_ONCE = 10_000

File = tuple[str, Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A name, what to call it in a table, and its files: path and content, streamed."""

    name: str
    title: str
    files: Callable[[], Iterator[File]]

    def make(self, root: Path) -> Path:
        """Its folder under `root`. One that is there under its final name is complete."""
        folder = root / self.name
        if not folder.exists():
            part = root / f"{self.name}.part"
            for path, content in self.files():
                _write(part / path, content)
            os.sync()
            part.rename(folder)
        return folder


def small_files(folders: int) -> DataSet:
    """A: 100 random files of 4 KiB in each folder."""
    return DataSet("A", f"{folders * 100:,} x 4 KiB", lambda: _random("A", folders, 4 * KIB))


def big_file(name: str, size: int) -> DataSet:
    """B, or another by its name: one random file."""
    return DataSet(name, _title(size), lambda: iter([("big.bin", _stream(name, size))]))


def medium_files(folders: int) -> DataSet:
    """C: 100 random files of 1 MiB in each folder."""
    return DataSet("C", f"{folders * 100:,} x 1 MiB", lambda: _random("C", folders, MIB))


def edited_files(folders: int) -> DataSet:
    """D: C with 5 % of fresh random bytes inserted at one random place of every file."""
    return DataSet("D", f"{folders * 100:,} x 1 MiB, edited", lambda: _edited(folders))


def far_files(folders: int) -> DataSet:
    """E: 100 random files of 16 KiB in each folder."""
    return DataSet("E", f"{folders * 100:,} x 16 KiB", lambda: _random("E", folders, 16 * KIB))


def table(rows: int) -> DataSet:
    """csv1: text of about 59 bytes a row, so 18,250,000 rows are 1 GiB."""
    return DataSet("csv1", f"CSV, {rows:,} rows", lambda: iter([("data.csv", _csv(rows))]))


def longer_table(rows: int) -> DataSet:
    """csv2: csv1 with 100 rows inserted at random places."""
    at = frozenset(random.Random("csv2").sample(range(rows), 100))
    title = f"CSV, {rows:,} rows + 100"
    return DataSet("csv2", title, lambda: iter([("data.csv", _csv(rows, at))]))


def size_of(folder: Path) -> tuple[int, int]:
    """Files in `folder`, and their bytes."""
    files = size = 0
    for parent, _, names in os.walk(folder):
        files += len(names)
        size += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
    return files, size


def stored_in(folder: Path) -> int:
    """Bytes of its files, without the holes of those that have some."""
    if not folder.exists():
        return 0
    found = (os.lstat(path) for path in folder.rglob("*") if path.is_file())
    return sum(min(each.st_size, each.st_blocks * _SECTOR) for each in found)


def read(folder: Path) -> None:
    """Bring every file into the page cache, so that no program pays for the first reading."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb", buffering=0) as file:
                while file.read(_BLOCK):
                    pass


def _title(size: int) -> str:
    return f"{size // GIB} GiB" if size >= GIB else f"{size // MIB} MiB"


def _write(path: Path, content: Iterator[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb", buffering=0) as file:
        for block in content:
            file.write(block)


def _stream(label: str, size: int) -> Iterator[bytes]:
    for start in range(0, size, _BLOCK):
        yield hashlib.shake_128(f"{label}@{start}".encode()).digest(min(_BLOCK, size - start))


def _paths(folders: int) -> Iterator[str]:
    return (f"d{folder:03d}/f{file:03d}.bin" for folder in range(folders) for file in range(100))


def _random(label: str, folders: int, size: int) -> Iterator[File]:
    return ((path, _stream(f"{label}/{path}", size)) for path in _paths(folders))


def _edited(folders: int) -> Iterator[File]:
    return ((path, _with_insertion(path)) for path in _paths(folders))


def _with_insertion(path: str) -> Iterator[bytes]:
    before = b"".join(_stream(f"C/{path}", MIB))
    at = random.Random(f"D/{path}").randrange(MIB)
    yield before[:at]
    yield from _stream(f"D/{path}", MIB // 20 + 1)
    yield before[at:]


def _csv(rows: int, inserted: frozenset[int] = frozenset()) -> Iterator[bytes]:
    yield b"id,ts,split,x0,x1,x2,label\n"
    values, extra = random.Random("csv1"), random.Random("csv2 rows")
    for start in range(0, rows, _ROWS_AT_ONCE):
        block = []
        for number in range(start, min(start + _ROWS_AT_ONCE, rows)):
            if number in inserted:
                block.append(_row(10**9 + number, extra))
            block.append(_row(number, values))
        yield "".join(block).encode()


def _row(number: int, values: random.Random) -> str:
    normal = values.normalvariate
    split, label = _SPLITS[values.randrange(5)], values.randrange(1000)
    x0, x1, x2 = normal(), normal(), normal()
    return f"{number},{1_700_000_000 + number},{split},{x0:.6f},{x1:.6f},{x2:.6f},{label}\n"
