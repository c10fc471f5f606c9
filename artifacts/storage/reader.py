"""Reader: the bytes of a file from where its layout says they lie, unchecked.

Whoever asks compares them: cache/stage.py for downloads, catalog/version.py for one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import tee

from msgspec import Struct

from artifacts.errors import MalformedError, MissingBlobError, ObjectNotFoundError
from artifacts.storage import codec
from artifacts.storage.ahead import Ahead
from artifacts.storage.codec import MOST_STORED
from artifacts.storage.layout import Span
from artifacts.storage.name import Name
from artifacts.storage.store import ObjectStore
from artifacts.storage.transfer import BUFFER_BYTES

READ_BYTES = 4 * 2**20  # of one read: large enough that a far store's answer outlasts the way


def read_extent(store: ObjectStore, blob: Name, offset: int, length: int, path: str) -> bytes:
    """Raises MissingBlobError, naming `path`, if the blob is gone. May come out short."""
    try:
        return store.read(blob.key, offset, length)
    except ObjectNotFoundError:
        raise MissingBlobError(path, blob.key, store.url) from None


def read_spans(
    store: ObjectStore, spans: Sequence[Span], path: str, ahead: Ahead | None = None
) -> Iterator[bytes]:
    """A file's bytes in order, in pieces of bounded size; whoever asks checks their digest.

    Spans that lie end to end are read at once, of a far store several stretches at a time.
    Shorter where a blob ends before its span does. Raises MissingBlobError, MalformedError.
    """
    if ahead is not None:
        yield from _read(store, spans, path, ahead)
        return
    with Ahead(store) as own:
        yield from _read(store, spans, path, own)


def _read(store: ObjectStore, spans: Sequence[Span], path: str, ahead: Ahead) -> Iterator[bytes]:
    most = BUFFER_BYTES if store.concurrency <= 1 else READ_BYTES
    stretches, begun = tee(_stretches(spans, path, most))
    for stretch, result in zip(stretches, ahead.each(_reads(store, begun, path)), strict=True):
        stored = result()
        yield from stretch.pieces(stored, f"{path} (in {stretch.blob.key} of {store.url})")
        if len(stored) < stretch.length:
            return  # the blob ends here, however long the span claims to be


class _Stretch(Struct, frozen=True):
    """Spans that lie end to end in one blob, or a part of one that is too long for one read."""

    spans: tuple[Span, ...]

    @property
    def blob(self) -> Name:
        return self.spans[0].blob

    @property
    def length(self) -> int:
        return sum(span.stored for span in self.spans)

    def pieces(self, stored: bytes, name: str) -> Iterator[bytes]:
        """What each span decodes to. Raises MalformedError, with the name."""
        start, view = 0, memoryview(stored)
        for span in self.spans:
            stop = start + span.stored
            if span.codec == codec.RAW:
                yield stored[start:stop]  # if it is all of it, no copy
            else:
                yield codec.expand(span.codec, view[start:stop], span.size, name)
            start = stop


def _reads(
    store: ObjectStore, stretches: Iterator[_Stretch], path: str
) -> Iterator[Callable[[], bytes]]:
    for each in stretches:
        yield partial(read_extent, store, each.blob, each.spans[0].offset, each.length, path)


def _stretches(spans: Sequence[Span], path: str, most: int) -> Iterator[_Stretch]:
    """At most `most` bytes each, unless it is a single encoded span."""
    held: list[Span] = []
    length = 0
    for span in _cut(spans, path, most):
        if held and (length + span.stored > most or not _follows(held[-1], span)):
            yield _Stretch(tuple(held))
            held, length = [], 0
        held.append(span)
        length += span.stored
    if held:
        yield _Stretch(tuple(held))


def _follows(one: Span, other: Span) -> bool:
    return one.blob == other.blob and one.offset + one.stored == other.offset


def _cut(spans: Sequence[Span], path: str, most: int) -> Iterator[Span]:
    """With raw ones cut where they are longer than one read. Raises MalformedError."""
    for span in spans:
        if span.codec == codec.RAW:
            for start in range(0, span.stored, most):
                length = min(most, span.stored - start)
                yield Span(span.blob, span.offset + start, length, length)
        elif max(span.stored, span.size) > MOST_STORED:
            raise MalformedError(path, f"a span of {span.size} bytes is too long to be decoded")
        else:
            yield span
