"""Line: one record of a journal, or one row, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from artifacts.errors import InvalidError

MOST_ROW_BYTES = 2**27 - 2**10
"""Of a row: what readers believe of a line, but for what is said beside the values."""


def encoded(record: object) -> bytes:
    """One line without its end. Begins with a space if plain JSON cannot say it."""
    try:
        line = orjson.dumps(record)
    except TypeError:  # a whole number beyond 64 bits, or half a surrogate
        return b" " + json.dumps(record, separators=(",", ":")).encode()
    if b"null" in line:  # which is all that orjson says of NaN
        return b" " + json.dumps(record, separators=(",", ":")).encode()
    return line


def decoded(line: bytes) -> Any:  # noqa: ANN401 - whatever JSON has
    """What `encoded` was given. Raises ValueError."""
    return json.loads(line) if line[:1] == b" " else orjson.loads(line)


def row_bytes(values: Mapping[str, Any]) -> int:
    """How long a row of these values is. Raises InvalidError if nobody could read it back."""
    size = len(encoded(values))
    if size > MOST_ROW_BYTES:
        each = {key: len(encoded(value)) for key, value in values.items()}
        longest = max(each, key=lambda key: each[key])
        raise InvalidError(
            f"a row has {size:,} bytes, of which {longest!r} has {each[longest]:,}: "
            f"{MOST_ROW_BYTES:,} are the most; save it as a file, or log an artifact"
        )
    return size
