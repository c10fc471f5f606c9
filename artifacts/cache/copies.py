"""Copies: what this machine keeps of the immutable objects of all stores, as files.

    objects/blobs/ab/<digest>    an object, exactly as its store has it; read-only, unless it is
                                 one file with somebody's download, who may edit it
    objects/blobs/ab/<digest>~7  a part of it: its eighth MiB, and then the BLAKE3 of these bytes
    spool/                       what is on its way, in either direction
    turns/                       who is fetching what
    tally                        how many bytes there are, about

A copy that is missing, damaged or cannot be made costs time and nothing else, so no error of
this disk leaves here. Whoever gets bytes compares their digest, and says `forget` if it is wrong.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape, iglob
from pathlib import Path

from artifacts.cache.evict import Copy, Tally, copies_below, evict
from artifacts.cache.turn import Turn
from artifacts.content import Digest
from artifacts.storage import TO_MAKE, TO_READ, claim, claimed, delete_abandoned

PART_BYTES = 2**20  # what it costs, at most, to read one small file of a pack
_DIGEST_BYTES = 32
_FULL = 0.9  # of the limit is left by an eviction, so that there are few
_USE_NS = 60 * 10**9  # a use is written down again after this time
_RESERVE_BYTES = 2**30  # of the disk are left to others, or of a small one
_RESERVE_SHARE = 0.05


class Copies:
    """Below `folder`, about `limit` bytes at most. Any number of threads and processes use it."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = os.path.abspath(folder)
        self.limit = limit
        self._objects = f"{self.folder}/objects"
        self._tally = Tally(f"{self.folder}/tally")
        self._is_swept = False

    def spool(self) -> Path:
        """A folder on the same disk; what killed processes left there is deleted."""
        spool = f"{self.folder}/spool"
        with suppress(OSError):  # whoever writes there is told what is wrong
            os.makedirs(spool, exist_ok=True)
        if not self._is_swept:
            self._is_swept = True
            delete_abandoned(spool)
            delete_abandoned(f"{self.folder}/turns")
        return Path(spool)

    # Reading

    def has(self, key: str) -> bool:
        """Whether there is a copy of the object, or of a part of it."""
        return os.path.exists(self._path(key)) or next(self._parts(key), None) is not None

    def open(self, key: str) -> int | None:
        """The whole object, to be read and closed; until then it is in use. None if not here."""
        fd = _open_used(self._path(key))
        if fd is not None:
            claim(fd)
        return fd

    def read(self, key: str, start: int, length: int | None) -> bytes | None:
        """Of the whole object, if it is here."""
        fd = _open_used(self._path(key))
        if fd is None:
            return None
        try:
            left = max(0, os.fstat(fd).st_size - start)
            return _read_at(fd, left if length is None else min(left, length), start)
        except OSError:
            return None
        finally:
            os.close(fd)

    def read_part(self, key: str, number: int, start: int, stop: int) -> bytes | None:
        """From `start` to `stop` of one part, if it is here; shorter where the object ends."""
        fd = _open_used(self._path(key, number))
        if fd is None:
            return None
        try:
            size = os.fstat(fd).st_size - _DIGEST_BYTES
            if stop <= size <= PART_BYTES:
                return _read_at(fd, stop - start, start)
            data = checked_part(_read_at(fd, size + _DIGEST_BYTES, 0))  # is this the end, or a cut?
            return None if data is None else data[start:stop]
        except OSError:
            return None
        finally:
            os.close(fd)

    def turn(self, key: str, number: int | None = None) -> Turn:
        """For who fetches an object, or one part of it."""
        folder = f"{self.folder}/turns"
        with suppress(OSError):
            os.makedirs(folder, exist_ok=True)
        return Turn(f"{folder}/{self._path(key, number).rpartition('/')[2]}")

    # Writing

    def put(self, key: str, data: bytes) -> None:
        """A copy of a whole object."""
        self._put(self._path(key), data)

    def put_part(self, key: str, number: int, data: bytes | memoryview) -> None:
        """A copy of the object's bytes from `number * PART_BYTES` on."""
        self._put(self._path(key, number), data, Digest.of(data))

    @contextmanager
    def beside(self) -> Iterator[Path]:
        """A name for a file that is to be kept afterwards, and goes if it is not.

        Raises OSError if there can be none.
        """
        folder = str(self.spool() / f"copy-{secrets.token_hex(8)}")
        os.mkdir(folder)
        try:
            with claimed(folder):
                yield Path(folder, "file")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(
        self, key: str, path: str | os.PathLike[str], *, is_shared: bool = False
    ) -> int | None:
        """A file of the same disk becomes the copy, open as `open` gives it.

        It becomes read-only, unless it `is_shared` with somebody who may edit it. None, and the
        file stays, if there is no room or the disk is another one.
        """
        fd = None
        try:
            stat = os.stat(path)
            if self.admits(stat.st_size):
                if not is_shared:
                    os.chmod(path, stat.st_mode & 0o444)
                fd = os.open(path, TO_READ)
                claim(fd)
                self._publish(os.fspath(path), self._path(key), stat.st_size)
                self._forget_parts(key)
        except OSError:
            if fd is not None:
                os.close(fd)
            return None
        return fd

    def is_beside(self, folder: str) -> bool:
        """Whether files of the folder may be names of copies."""
        try:
            return os.stat(self.spool()).st_dev == os.stat(folder).st_dev
        except OSError:
            return False

    def link(self, key: str, path: str) -> bool:
        """Give the copy one more name; False if it is not here, or shared. Raises OSError."""
        try:
            if is_shared(os.stat(self._path(key))):
                return False
            os.link(self._path(key), path)
        except FileNotFoundError:
            return False
        return True

    def forget(self, key: str) -> None:
        """There is no copy of the object any more, nor of any part of it."""
        _delete(self._path(key))
        self._forget_parts(key)

    def _put(self, path: str, *pieces: bytes | memoryview) -> None:
        size = sum(map(len, pieces))
        if not self.admits(size):
            return
        beside = f"{self.spool()}/{secrets.token_hex(8)}"
        try:
            fd = os.open(beside, TO_MAKE, 0o444)
            try:
                for piece in pieces:
                    os.write(fd, piece)
            finally:
                os.close(fd)
            self._publish(beside, path, size)
        except OSError:
            _delete(beside)

    def _publish(self, source: str, target: str, size: int) -> None:
        """Counted before it is there, so that a death in between makes the tally too high."""
        if os.stat(source).st_size != size:
            raise OSError(f"{source} was not written whole")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        total = self._tally.add(size)
        if total is None or total > self.limit:
            self._make_room(size)
        os.replace(source, target)

    # Keeping it small

    def admits(self, size: int) -> bool:
        """Whether so many bytes more fit below the limit, and on the disk."""
        if size > self.limit:
            return False
        try:
            os.makedirs(self.folder, exist_ok=True)
            disk = shutil.disk_usage(self.folder)
        except OSError:
            return False
        return disk.free - size >= min(_RESERVE_BYTES, disk.total * _RESERVE_SHARE)

    def evict(self, most: int) -> tuple[int, int]:
        """Until at most so many bytes are left. How many went, and how many are left."""
        gone, left = evict(self._objects, most)
        with suppress(OSError):
            self._tally.correct(None, left)
        return gone, left

    def __iter__(self) -> Iterator[Copy]:
        return copies_below(self._objects)

    def _make_room(self, size: int) -> None:
        """For what was counted already, unless another process has. Raises OSError."""
        with Turn(f"{self.folder}/eviction") as turn:
            turn.take(wait=True)
            before = self._tally.add(0)
            if before is not None and before <= self.limit:
                return
            _, left = evict(self._objects, int(self.limit * _FULL) - size)
            self._tally.correct(before, left + size)
            if left + size > self.limit:
                raise OSError(f"{self.folder} is full of what is in use")

    def _path(self, key: str, number: int | None = None) -> str:
        return f"{self._objects}/{key}" if number is None else f"{self._objects}/{key}~{number}"

    def _parts(self, key: str) -> Iterator[str]:
        return iglob(f"{escape(self._path(key))}~*")

    def _forget_parts(self, key: str) -> None:
        for part in self._parts(key):
            _delete(part)


def key_of(copies: Copies, copy: Copy) -> str:
    """The key of the object that a file is a copy of, with ~ and a number if of one part of it."""
    return os.path.relpath(copy.path, f"{copies.folder}/objects").replace(os.sep, "/")


def is_shared(stat: os.stat_result) -> bool:
    """Whether a copy is one file with somebody's download."""
    return bool(stat.st_mode & 0o222)


def checked_part(stored: bytes) -> bytes | None:
    """A part's bytes, if they are as they were written."""
    data, digest = stored[:-_DIGEST_BYTES], stored[-_DIGEST_BYTES:]
    return data if data and Digest.of(data) == digest else None


def _open_used(path: str) -> int | None:
    """A descriptor of a file that counts as used now. Source: relatime and noatime do not."""
    try:
        fd = os.open(path, TO_READ)
    except OSError:
        return None
    stat, now_ns = os.fstat(fd), time.time_ns()
    if abs(now_ns - stat.st_atime_ns) > _USE_NS:
        with suppress(OSError):  # somebody else's file
            os.utime(path, ns=(now_ns, stat.st_mtime_ns))
    return fd


def _read_at(fd: int, length: int, start: int) -> bytes:
    if start:
        os.lseek(fd, start, os.SEEK_SET)  # Windows has no pread
    data = os.read(fd, max(0, length))
    while len(data) < length and (more := os.read(fd, length - len(data))):
        data += more  # one call reads at most 2 GiB
    return data


def _delete(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
