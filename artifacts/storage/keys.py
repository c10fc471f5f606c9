"""Keys: what the objects of a store may be called, the same in every store."""

from __future__ import annotations

import re

from artifacts.errors import InvalidNameError

_MAX_CHARS = 512
_SEGMENT = r"(?!\.\.?(?:/|\Z))[a-z0-9._-]{1,255}"  # 255 is what a disk's folder can hold
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_PREFIX = re.compile(rf"(?:{_SEGMENT}/)*[a-z0-9._-]{{0,255}}")
_WANTED = f"want segments of [a-z0-9._-], neither '.' nor '..', and at most {_MAX_CHARS} characters"


def is_key(text: str) -> bool:
    """Whether an object may be called so."""
    return len(text) <= _MAX_CHARS and _KEY.fullmatch(text) is not None


def check_key(key: str) -> None:
    """Raises InvalidNameError."""
    if not is_key(key):
        raise InvalidNameError(key, _WANTED)


def check_prefix(prefix: str) -> None:
    """Raises InvalidNameError unless a key may start with it."""
    if len(prefix) > _MAX_CHARS or not _PREFIX.fullmatch(prefix):
        raise InvalidNameError(prefix, _WANTED)
