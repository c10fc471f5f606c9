"""Frame: one self-checked file of a JSON line and the objects that travel with it.

    <64 hex digits: BLAKE3 of everything after this line>
    <one JSON object; its "objects" list [name, stored length] of what follows>
    <stored objects, end to end>

Events, checkpoints and receipts are frames.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, MalformedError

_HEX = 64


class Frame(Struct, frozen=True):
    """`header` is JSON; `objects` maps names to stored bytes."""

    header: Mapping[str, Any]
    objects: Mapping[str, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        sizes = [[name, len(stored)] for name, stored in self.objects.items()]
        header = dict(self.header, objects=sizes) if sizes else dict(self.header)
        line = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        body = b"".join((line.encode(), b"\n", *self.objects.values()))
        return b"%s\n%s" % (Digest.of(body).hex().encode(), body)

    @classmethod
    def decode(cls, data: bytes, name: str) -> Frame:
        """Raises DigestMismatchError, MalformedError."""
        claimed, body = data[:_HEX], data[_HEX + 1 :]
        if (actual := Digest.of(body).hex().encode()) != claimed or data[_HEX : _HEX + 1] != b"\n":
            raise DigestMismatchError(name, claimed.decode("ascii", "replace"), actual.decode())
        end = body.find(b"\n")
        line = body[:end]
        try:
            header = json.loads(line)
            if b"\\u" in line:  # half a surrogate: text that nobody could write again
                json.dumps(header, ensure_ascii=False).encode()
            objects = _objects(header.pop("objects", []), body[end + 1 :])
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise MalformedError(name, str(error)) from error
        return cls(header, objects)


def _objects(sizes: list[list[Any]], rest: bytes) -> dict[str, bytes]:
    objects: dict[str, bytes] = {}
    at = 0
    for name, length in sizes:
        if not isinstance(name, str) or type(length) is not int or length < 0:
            raise ValueError(f"object {name!r} of length {length!r}")
        objects[name] = rest[at : at + length]
        at += length
    if at != len(rest) or len(objects) != len(sizes):
        raise ValueError(f"{len(rest)} bytes of objects, {at} are declared")
    return objects
