"""Codec: how canonical bytes are stored, one byte that says which and then the payload."""

from __future__ import annotations

from artifacts.errors import MalformedError

RAW = 0
ZSTD = 1
MOST_STORED = 2**26  # bytes of one encoded span: what may be held in memory to decode it
_LEVEL = 1  # higher levels cost several times the CPU for a few per cent, the digests do not shrink


def encode(data: bytes) -> bytes:
    """The shorter of the two stored forms."""
    packed = compress(data)
    return bytes([ZSTD]) + packed if len(packed) < len(data) else bytes([RAW]) + data


def compress(data: bytes | memoryview) -> bytes:
    """One zstd frame that states its content's size."""
    import zstandard

    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def decode(stored: bytes, most: int, name: str) -> bytes:
    """The canonical bytes, of which there may be at most `most`.

    Raises MalformedError; whether they are the right ones, their digest tells.
    """
    if not stored:
        raise MalformedError(name, "it is empty")
    payload = memoryview(stored)[1:]
    if stored[0] == RAW:
        if len(payload) > most:
            raise MalformedError(name, f"it has {len(payload)} bytes, at most {most} can be right")
        return bytes(payload)
    if stored[0] != ZSTD:
        raise MalformedError(name, f"its codec {stored[0]} is unknown")
    return _one_frame(payload, most, name)


def expand(codec: int, payload: memoryview, size: int, name: str) -> bytes:
    """What a span's stored bytes decode to: zstd frames end to end, `size` bytes in all.

    Raises MalformedError.
    """
    import zstandard

    if codec != ZSTD:
        raise MalformedError(name, f"its codec {codec} is unknown")
    try:
        with zstandard.ZstdDecompressor().stream_reader(payload, read_across_frames=True) as frames:
            data = frames.read(size)
            is_more = frames.read(1)
    except zstandard.ZstdError as error:
        raise MalformedError(name, str(error)) from error
    if len(data) != size or is_more:
        raise MalformedError(name, f"it decodes to other than the {size} bytes of its span")
    return data


def _one_frame(payload: memoryview, most: int, name: str) -> bytes:
    import zstandard

    try:
        declared = zstandard.frame_content_size(payload)
        if not 0 <= declared <= most:
            raise MalformedError(name, f"it declares {declared} bytes, at most {most} can be right")
        return zstandard.ZstdDecompressor().decompress(
            payload, max_output_size=most, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise MalformedError(name, str(error)) from error
