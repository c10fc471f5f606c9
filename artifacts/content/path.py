"""Path: a place inside an artifact, and the rules that keep it inside."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Sequence
from functools import partial
from itertools import accumulate
from operator import itemgetter

from artifacts.errors import InvalidPathError

MAX_BYTES = 4096
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³"]
)
_DRIVE = re.compile(r"[A-Za-z]:")
_SEPARATOR = re.compile(r"[/\\]")  # some systems take the second for the first
_DEVICE_STEMS = ("/con", "/prn", "/aux", "/nul", "/com", "/lpt")


def check_path(path: str) -> str:
    """The path itself, if it names one place inside any folder on any system.

    Taken as it is, never normalised. Raises InvalidPathError.
    """
    if reason := _fault(path):
        raise InvalidPathError(path, reason)
    return path


def check_paths(paths: Sequence[str]) -> None:
    """As check_path for each, but some ten times faster. Raises InvalidPathError."""
    joined = "/" + "/".join(paths) + "/"
    folded = joined.lower()
    suspicious = (
        "//" in joined
        or "/./" in joined
        or "/../" in joined
        or "\0" in joined
        or ":" in joined
        or "\\" in joined
        or not joined.isascii()
        or any(stem in folded for stem in _DEVICE_STEMS)
        or (len(joined) > MAX_BYTES and max(map(len, paths)) > MAX_BYTES)
    )
    if suspicious:
        for path in paths:
            check_path(path)


def check_no_file_is_a_folder(paths: Iterable[str], leaves: Container[str]) -> None:
    """Raises InvalidPathError for a path that lies below one of `leaves`."""
    for parent in {path.rpartition("/")[0] for path in paths}:
        above = parent
        while above:
            if above in leaves:
                raise InvalidPathError(above, "is a file and also a folder")
            above = above.rpartition("/")[0]


class Leaves:
    """Files of pages that come in path order, which no later page may take for folders.

    Between a path and what lies below it there are only paths that start with it. So of all
    that came before a page, none but what the page's first path starts with can be a folder.
    """

    def __init__(self) -> None:
        self._last: Sequence[str] = ()
        self._open: list[str] = []

    def take(self, paths: Sequence[str]) -> None:
        """The next page's paths. Raises InvalidPathError if one lies below an earlier page's."""
        first = paths[0]
        self._open += filter(partial(_contains, self._last), accumulate(first[:-1]))
        self._open = [leaf for leaf in self._open if first.startswith(leaf)]
        for leaf in self._open:
            at = bisect_left(paths, f"{leaf}/")
            if at < len(paths) and paths[at].startswith(f"{leaf}/"):
                raise InvalidPathError(leaf, "is a file and also a folder")
        self._last = paths


def end_of_prefix(paths: Sequence[str], prefix: str, start: int = 0) -> int:
    """The index in ascending paths, from `start` on, after the last that starts with `prefix`.

    If none does, after the last that comes before it.
    """
    return bisect_right(paths, prefix, start, key=itemgetter(slice(len(prefix))))


def _contains(paths: Sequence[str], path: str) -> bool:
    at = bisect_left(paths, path)
    return at < len(paths) and paths[at] == path


def _fault(path: str) -> str | None:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "is not UTF-8; rename the file"
    if not path or len(encoded) > MAX_BYTES:
        return f"must have 1 to {MAX_BYTES} bytes"
    if path[0] in "/\\" or _DRIVE.match(path):
        return "must be relative, without a drive letter"
    if "\0" in path:
        return "contains NUL"
    return next(filter(None, map(_part_fault, _SEPARATOR.split(path))), None)


def _part_fault(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "must not contain empty parts, '.' or '..'"
    return f"names the device {part!r}" if part.lower() in _DEVICES else None
