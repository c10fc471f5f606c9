"""Reader: the bytes of a file from where its layout says they lie, unchecked.

Whoever asks compares them: cache/stage.py for downloads, catalog/version.py for one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from artifacts.errors import MalformedError, MissingBlobError, ObjectNotFoundError
from artifacts.storage import codec
from artifacts.storage.layout import Span
from artifacts.storage.name import Name
from artifacts.storage.store import ObjectStore
from artifacts.storage.transfer import BUFFER_BYTES

MOST_STORED = 2**26  # bytes of one encoded span: what may be held in memory to decode it


def read_extent(store: ObjectStore, blob: Name, offset: int, length: int, path: str) -> bytes:
    """Raises MissingBlobError, naming `path`, if the blob is gone. May come out short."""
    try:
        return store.read(blob.key, offset, length)
    except ObjectNotFoundError:
        raise MissingBlobError(path, blob.key, store.url) from None


def read_spans(store: ObjectStore, spans: Sequence[Span], path: str) -> Iterator[bytes]:
    """A file's bytes in order, in pieces of bounded size; whoever asks checks their digest.

    Raises MissingBlobError, MalformedError.
    """
    for span in spans:
        if span.codec == codec.RAW:
            for start in range(0, span.stored, BUFFER_BYTES):
                length = min(BUFFER_BYTES, span.stored - start)
                data = read_extent(store, span.blob, span.offset + start, length, path)
                yield data
                if len(data) < length:
                    break  # the blob ends here, however long the span claims to be
        elif max(span.stored, span.size) > MOST_STORED:
            raise MalformedError(path, f"a span of {span.size} bytes is too long to be decoded")
        else:
            stored = read_extent(store, span.blob, span.offset, span.stored, path)
            yield codec.expand(span.codec, memoryview(stored), span.size, path)
