"""Saved: files that a run keeps by name, and how they come back."""

from __future__ import annotations

import fnmatch
import glob
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO, get_args

from blake3 import blake3
from msgspec import Struct

from artifacts.artifact import StrPath
from artifacts.catalog import RunFile
from artifacts.content import Digest
from artifacts.errors import (
    DigestMismatchError,
    InvalidError,
    InvalidPathError,
)
from artifacts.runs.delivery.watching import Policy
from artifacts.storage import BUFFER_BYTES, ObjectStore, healed

_CLOUDS = ("gs://", "s3://")
_log = logging.getLogger(__name__)


class Saved(Struct, frozen=True):
    """What a pattern matched: a file, or a folder with all that is in it."""

    name: str  # in the run, with slashes
    source: Path


def match_files(pattern: StrPath | bytes, base_path: StrPath | None = None) -> list[Saved]:
    """What a glob matches now, called by its path below `base_path`.

    That is the working folder; for an absolute pattern the folder above the one it lies in, so
    that one level is kept. Addresses of buckets match nothing. Raises ValueError if the pattern is
    the base path or leads above it, TypeError for what is no path.
    """
    text = os.fsdecode(pattern)
    if text.startswith(_CLOUDS):
        _log.warning("%s is in a bucket and not saved: log it as an artifact's reference", text)
        return []
    whole = os.path.abspath(text)
    if base_path is not None:
        base = os.path.abspath(os.fspath(base_path))
    else:
        base = os.path.dirname(os.path.dirname(text)) if os.path.isabs(text) else os.getcwd()
    below = os.path.relpath(whole, base)
    if below == os.curdir:
        raise InvalidError(f"{text!r} cannot be the same as the base path: name what lies below it")
    if below.split(os.sep)[0] == os.pardir:
        raise InvalidError(f"{text!r} may not lead above the base path {base!r}")
    depth = len(Path(base).parts)  # the base path may be a pattern itself
    found = [Path(each) for each in sorted(glob.glob(whole, recursive=True))]
    return [Saved(Path(*each.parts[depth:]).as_posix(), each) for each in found]


def files_of(saved: Saved) -> Iterator[Saved]:
    """Itself, or every file below it."""
    if saved.source.is_file():
        yield saved
    for folder, folders, names in os.walk(saved.source):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                below = path.relative_to(saved.source).as_posix()
                yield Saved(f"{saved.name}/{below}", path)


def show_in(folder: Path, saved: Saved, *, is_linked: bool = True) -> None:
    """The file is to be seen in the run's folder: a link to it, or a copy where there are none."""
    shown = folder / saved.name
    if os.path.abspath(shown) == os.path.abspath(saved.source):
        return
    shown.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        shown.unlink()
    if is_linked:
        with suppress(OSError):  # Windows asks for a privilege
            shown.symlink_to(saved.source)
            return
    shutil.copyfile(saved.source, shown)


def is_ignored(name: str, patterns: Iterable[str]) -> bool:
    """Whether `ignore_globs` has it."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def check_policy(policy: str) -> Policy:
    """Raises ValueError."""
    for each in get_args(Policy):
        if policy == each:
            return policy  # type: ignore[return-value]
    raise InvalidError(f"policy {policy!r}: expected live, now or end")


def place_of(root: Path, name: str) -> Path:
    """Where a file of a run belongs below a folder. Raises InvalidPathError for one outside."""
    path = Path(os.path.abspath(root / name))
    if not name or not path.is_relative_to(os.path.abspath(root)):
        raise InvalidPathError(name, "a file of a run lies below its folder")
    return path


def open_restored(path: Path) -> TextIO:
    """As W&B opens it."""
    return path.open(encoding="utf-8", errors="surrogateescape")


def restore_file(store: ObjectStore, file: RunFile, path: Path) -> None:
    """The file is there whole when this returns, and what was there before until then.

    Raises ObjectNotFoundError, DigestMismatchError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    healed(store, file.blob.key, lambda: _fetch(store, file, path))


def _fetch(store: ObjectStore, file: RunFile, path: Path) -> None:
    hasher, at = blake3(), 0
    with NamedTemporaryFile(dir=path.parent, prefix=".restored-", delete=False) as beside:
        try:
            while at < file.size:
                data = store.read(file.blob.key, at, min(BUFFER_BYTES, file.size - at))
                if not data:
                    break
                hasher.update(data)
                beside.write(data)
                at += len(data)
            beside.flush()
            if (actual := Digest(hasher.digest())) != file.blob.digest:
                raise DigestMismatchError(file.name, file.blob.digest.hex(), actual.hex())
            _replace(Path(beside.name), path)
        finally:
            Path(beside.name).unlink(missing_ok=True)


def _replace(made: Path, path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    made.chmod(0o666 & ~mask)
    made.replace(path)
