"""Codec: how canonical bytes are stored, one byte that says which and then the payload."""

from __future__ import annotations

from artifacts.errors import MalformedError

RAW = 0
ZSTD = 1
_LEVEL = 1  # higher levels cost several times the CPU for a few per cent, the digests do not shrink


def encode(data: bytes) -> bytes:
    """The shorter of the two stored forms."""
    import zstandard

    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(data)
    return bytes([ZSTD]) + packed if len(packed) < len(data) else bytes([RAW]) + data


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
    return expand(stored[0], payload, most, name)


def expand(codec: int, payload: memoryview, most: int, name: str) -> bytes:
    """The bytes that a codec other than RAW made this payload of. Raises MalformedError."""
    import zstandard

    if codec != ZSTD:
        raise MalformedError(name, f"its codec {codec} is unknown")
    try:
        declared = zstandard.frame_content_size(payload)
        if not 0 <= declared <= most:
            raise MalformedError(name, f"it declares {declared} bytes, at most {most} can be right")
        return zstandard.ZstdDecompressor().decompress(
            payload, max_output_size=most, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise MalformedError(name, str(error)) from error
