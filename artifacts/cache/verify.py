"""Verify: copies compared with the digests that they are kept under. Repairs nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from msgspec import Struct

from artifacts.cache.auditing import digest_of
from artifacts.cache.copies import Copies, checked_part, is_shared, key_of
from artifacts.cache.evict import Copy
from artifacts.errors import IntegrityError
from artifacts.progress import Progress
from artifacts.storage import BLOBS, MAX_OBJECT_BYTES, Name, checked


class Verdict(Struct, frozen=True):
    """Of one copy; `key` is that of its object, with the part's number if it is one."""

    key: str
    size: int
    is_sound: bool


def verify_copies(copies: Copies, progress: Progress) -> Iterator[Verdict]:
    """Reads every byte; what goes meanwhile is passed by. Parts are read one by one.

    A copy that was edited by whoever downloaded it is none any more.
    """
    for copy in copies:
        key, tilde, _ = key_of(copies, copy).partition("~")
        name = Name.of_key(key)
        try:
            is_sound = name is not None and _is_sound(copy, name, is_part=bool(tilde))
        except FileNotFoundError:
            continue
        except OSError:
            is_sound = False
        progress.advance(copy.size)
        if not is_sound and name is not None and _was_edited(copy):
            copies.forget(key)
            continue
        yield Verdict(key_of(copies, copy), copy.size, is_sound)


def _was_edited(copy: Copy) -> bool:
    with suppress(OSError):
        return is_shared(os.stat(copy.path))
    return False


def _is_sound(copy: Copy, name: Name, *, is_part: bool) -> bool:
    """Raises OSError."""
    if name.kind == BLOBS and not is_part:
        os.stat(copy.path)  # it may be gone
        return digest_of(copy.path) == name.digest
    with open(copy.path, "rb") as file:
        stored = file.read(MAX_OBJECT_BYTES + 2)
    if is_part:
        return checked_part(stored) is not None
    try:
        checked(name, stored)
    except IntegrityError:
        return False
    return True
