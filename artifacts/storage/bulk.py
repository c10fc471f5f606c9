"""Bulk: large files to and from a bucket, part by part, a bounded number of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from artifacts.errors import ObjectNotFoundError, StorageError
from artifacts.storage.bucket import Bucket
from artifacts.storage.client import Client
from artifacts.storage.store import Read, Tell

PART_BYTES = 8 * 2**20  # measured: as fast as 16, in half the memory
_MOST_SPARE = 2  # buffers of one upload that wait for their next part

_T = TypeVar("_T")


@runtime_checkable
class PartsBucket(Protocol):
    """A bucket that puts an object together from parts, which may come in any order."""

    most_parts: int

    def begin(self, key: str) -> str:
        """Name an upload."""

    def add(self, key: str, upload: str, number: int, data: memoryview) -> str:
        """The part's receipt, for `finish`. Parts are numbered from 1."""

    def finish(self, key: str, upload: str, receipts: Sequence[str]) -> None:
        """Make the object of its parts."""

    def abandon(self, key: str, upload: str) -> None:
        """Delete the parts."""


def is_in_parts(client: Client, size: int) -> bool:
    """Whether so many bytes are better sent part by part than left to the bucket's client."""
    return size <= PART_BYTES or isinstance(client.bucket, PartsBucket)


def upload(client: Client, key: str, size: int, read: Read) -> None:
    """Make the object of the `size` bytes that are read, if it can be put together from parts.

    At most 64 MiB are in memory, of all uploads and downloads of the client together, and two
    parts for each upload; but of a file of more than 64 MiB for each of the parts that a bucket
    takes, one part, and two.
    """
    if size > PART_BYTES:
        _upload_parts(client, key, size, read)
        return
    with client.room.take(size):
        buffer = memoryview(bytearray(size + 1))  # to the end, which a reader may want to see
        if (length := _fill(read, buffer)) > size:
            raise StorageError(key, f"comes to more than the {size} bytes that were to be uploaded")
        data = bytes(buffer[:length])
        client.call("uploading", key, lambda bucket: bucket.write(key, data))


def put(client: Client, key: str, path: Path) -> None:
    """Make the object of a file that does not change meanwhile, as the bucket's client does it."""
    putting = client.parts.submit(
        client.call, "uploading", key, lambda bucket: bucket.put(key, str(path))
    )
    putting.result()


def download(client: Client, key: str, fd: int, tell: Tell) -> None:
    """Fill an empty file with the object. Raises OSError for the file's own disk."""
    got = 0

    def fetch(at: int) -> int:
        return client.call("downloading", key, lambda bucket: bucket.fetch(key, at, PART_BYTES, fd))

    def count(length: int) -> None:
        nonlocal got
        got += length
        tell(length)

    in_parts(client, [0], fetch, count)
    if got == PART_BYTES:
        size = client.call("asking for its size", key, lambda bucket: bucket.size(key))
        in_parts(client, range(PART_BYTES, size, PART_BYTES), fetch, count)
        if got != size:
            raise StorageError(key, f"only {got} of {size} bytes could be read")


def in_parts(
    client: Client, offsets: Iterable[int], task: Callable[[int], _T], tell: Callable[[_T], object]
) -> None:
    """Do what is to be done with the part at each offset, several at once, each in memory.

    `tell` hears what each returned, in order. After one that fails no other is begun, and nobody
    works on any when this ends.
    """
    waiting: deque[Future[_T]] = deque()
    try:
        for offset in offsets:
            room = ExitStack()
            room.enter_context(client.room.take(PART_BYTES))
            waiting.append(_begin(client, partial(task, offset), room))
            while waiting and waiting[0].done():
                tell(waiting.popleft().result())
        while waiting:
            tell(waiting.popleft().result())
    finally:
        _end(waiting)


def _upload_parts(client: Client, key: str, size: int, read: Read) -> None:
    name = _ask(client, "starting to upload", key, lambda bucket: bucket.begin(key))
    waiting: deque[Future[str]] = deque()
    receipts: list[str] = []

    def add(number: int, data: memoryview) -> str:
        return _ask(client, "uploading", key, lambda bucket: bucket.add(key, name, number, data))

    try:
        for number, (data, room) in enumerate(_parts(client, size, read), 1):
            waiting.append(_begin(client, partial(add, number, data), room))
            while waiting and waiting[0].done():
                receipts.append(waiting.popleft().result())
        receipts += [part.result() for part in waiting]
        _finish(client, key, name, receipts, size)
    except BaseException:
        _end(waiting)
        with suppress(StorageError, ObjectNotFoundError):
            _ask(client, "giving up", key, lambda bucket: bucket.abandon(key, name))
        raise


def _parts(client: Client, size: int, read: Read) -> Iterator[tuple[memoryview, ExitStack]]:
    """Each with the room that it takes, to be given back once it was sent.

    Its memory is used again then: new memory takes a good part of the time that hashing does.
    """
    part_bytes = max(PART_BYTES, -(-size // _parts_bucket(client.bucket).most_parts))
    spare: deque[memoryview] = deque(maxlen=_MOST_SPARE)
    left = size
    while True:
        with ExitStack() as room:
            room.enter_context(client.room.take(part_bytes))
            least = min(part_bytes, left + 1)  # the end wants to be seen, too
            buffer = spare.pop() if spare else memoryview(bytearray(least))
            room.callback(spare.append, buffer)
            if not (length := _fill(read, buffer)):
                return
            left -= length
            yield buffer[:length], room.pop_all()


def _begin(client: Client, task: Callable[[], _T], room: ExitStack) -> Future[_T]:
    """With the room that it takes: a task that waits for some holds up those that have it."""
    with room:
        future = client.parts.submit(task)
        taken = room.pop_all()
    future.add_done_callback(lambda _: taken.close())
    return future


def _fill(read: Read, buffer: memoryview) -> int:
    """How many bytes it has now: as many as fit, or fewer at the end."""
    length = 0
    while length < len(buffer) and (count := read(buffer[length:])):
        length += count
    return length


def _finish(client: Client, key: str, name: str, receipts: Sequence[str], size: int) -> None:
    """Of a lost answer to it, the second says that there is no such upload."""
    try:
        _ask(client, "finishing to upload", key, lambda bucket: bucket.finish(key, name, receipts))
    except ObjectNotFoundError:
        found = client.call("asking for its size", key, lambda bucket: bucket.size(key))
        if found != size:
            raise StorageError(key, f"is {found} bytes after {size} were uploaded") from None


def _ask(client: Client, doing: str, key: str, act: Callable[[PartsBucket], _T]) -> _T:
    return client.call(doing, key, lambda bucket: act(_parts_bucket(bucket)))


def _parts_bucket(bucket: Bucket) -> PartsBucket:
    assert isinstance(bucket, PartsBucket)
    return bucket


def _end(futures: Collection[Future[_T]]) -> None:
    """Nobody works on the file any more when this returns."""
    for future in futures:
        future.cancel()
    for future in futures:
        if not future.cancelled():
            future.exception()
