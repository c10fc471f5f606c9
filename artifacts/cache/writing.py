"""Writing: small files that lie end to end in one file of this machine, made by a companion.

It loads as fast as can be, for who starts a companion waits for that.
"""

from __future__ import annotations

import marshal
import os

from blake3 import blake3

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from collections.abc import Sequence

_TO_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # no FIFO hangs
_TO_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def request(
    source: str, offset: int, targets: Sequence[str], sizes: Sequence[int], digests: bytes
) -> bytes:
    """Where the first file begins, where each is to be made, and 32 bytes of each one's digest."""
    places = os.fsencode("\0".join(targets))  # as a companion might encode them otherwise
    return marshal.dumps((os.fsencode(source), offset, places, [*sizes], digests))


def write_files(asked: bytes) -> bytes:
    """A companion's task. What is not as it should be, or cannot be made, it leaves out."""
    source, offset, places, sizes, digests = marshal.loads(asked)
    content, start = memoryview(_read(source, offset, sum(sizes))), 0
    lacking = []
    for index, target in enumerate(places.split(b"\0")):
        data = content[start : start + sizes[index]]
        digest = digests[32 * index : 32 * index + 32]
        if blake3(data).digest() != digest or not _write(target, data):
            lacking.append(index)
        start += sizes[index]
    return marshal.dumps(lacking)


def left_out(answer: bytes) -> Sequence[int]:
    """Which of the files were not written."""
    indices: Sequence[int] = marshal.loads(answer)
    return indices


def _read(path: bytes, offset: int, size: int) -> bytes:
    """Less, if that is all that can be had."""
    try:
        fd = os.open(path, _TO_READ)
    except OSError:
        return b""
    try:
        return os.pread(fd, size, offset)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _write(target: bytes, data: memoryview) -> bool:
    try:
        fd = os.open(target, _TO_MAKE, 0o666)
    except OSError:
        return False
    try:
        is_whole = os.write(fd, data) == len(data)
    except OSError:
        is_whole = False
    finally:
        os.close(fd)
    if not is_whole:
        os.unlink(target)
    return is_whole
