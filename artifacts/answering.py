"""Answering: the life of a companion, which begins with little more than bare Python."""

from __future__ import annotations

import os
import sys
from importlib import import_module

_LENGTH_BYTES = 8


def serve(name: str) -> None:
    """Answer whatever is asked on standard input, until it is closed, with `module:function`."""
    module, _, function = name.partition(":")
    task = getattr(import_module(module), function)
    reading, writing = sys.stdin.fileno(), sys.stdout.fileno()
    while (request := receive(reading)) is not None:
        send(writing, task(request))


def send(fd: int, body: bytes) -> None:
    """Raises OSError."""
    data = memoryview(len(body).to_bytes(_LENGTH_BYTES, "little") + body)
    while data:
        data = data[os.write(fd, data) :]


def receive(fd: int) -> bytes | None:
    """None if there is no more, or not all of it. Raises OSError."""
    head = _read(fd, _LENGTH_BYTES)
    return None if head is None else _read(fd, int.from_bytes(head, "little"))


def _read(fd: int, size: int) -> bytes | None:
    parts = []
    while size:
        part = os.read(fd, size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
