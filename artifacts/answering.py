"""Answering: the life of a companion, which begins with little more than bare Python."""

from __future__ import annotations

import os
import select
from importlib import import_module

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH_BYTES = 8
_LOOK_S = 5  # at whether the owner lives: a child that it forked may hold the other end
_OWNER = 0  # the descriptor


def serve(name: str) -> None:
    """Answer whatever the owner asks with `module:function`, until it ends, or wants no more."""
    module, _, function = name.partition(":")
    task = getattr(import_module(module), function)
    owner = os.getppid()

    def read(most: int) -> bytes:
        while not select.select([_OWNER], [], [], _LOOK_S)[0]:
            if os.getppid() != owner:
                return b""
        return os.read(_OWNER, most)

    while (request := received(read)) is not None:
        answer = memoryview(message(task(request)))
        while answer:
            answer = answer[os.write(_OWNER, answer) :]


def message(body: bytes) -> bytes:
    """What `received` takes the body from."""
    return len(body).to_bytes(_LENGTH_BYTES, "little") + body


def received(read: Callable[[int], bytes]) -> bytes | None:
    """The next one's body; None if there is no more, or not all of it."""
    head = _read_all(read, _LENGTH_BYTES)
    return None if head is None else _read_all(read, int.from_bytes(head, "little"))


def _read_all(read: Callable[[int], bytes], size: int) -> bytes | None:
    parts = []
    while size:
        part = read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
