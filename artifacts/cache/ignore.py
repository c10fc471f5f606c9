"""Ignore: what of a folder is left out, in the words of git's .gitignore."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from artifacts.errors import InvalidError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec, Pattern

IGNORE_FILE = ".artignore"
Patterns: TypeAlias = "str | Iterable[str] | None"
_BELOW = "ps_d"  # what pathspec calls the slash after a folder that matched
_MOST = 2**20  # bytes of an ignore file

_Rules: TypeAlias = "tuple[str, GitIgnoreSpec]"
"""A folder's path with a slash, and what is said of the paths below it."""


class Ignore(Struct, frozen=True):
    """What `exclude` or an ignore file on the way names is left out; so is all below it.

    With `include` given, files that it does not name are, whatever else is said of them. Where
    two patterns speak of one path the deeper file counts, and within a file the later line;
    `exclude` counts most.
    Source: gitignore(5).
    """

    exclude: GitIgnoreSpec | None = None
    include: GitIgnoreSpec | None = None
    rules: tuple[_Rules, ...] = ()

    @classmethod
    def of(cls, exclude: Patterns = None, include: Patterns = None) -> Self:
        """Raises InvalidError for what is no pattern."""
        return cls(_spec(exclude, "exclude"), _spec(include, "include"))

    def within(self, folder: str, prefix: str) -> Self:
        """Of what lies in a folder whose paths start with `prefix`. Raises InvalidError."""
        lines = _lines(Path(folder, IGNORE_FILE))
        if lines is None:
            return self
        rules = (prefix, _compiled(lines, f"{prefix}{IGNORE_FILE}"))
        return replace(self, rules=(*self.rules, rules))

    @property
    def leaves_anything_out(self) -> bool:
        return bool(self.rules or self.exclude) or self.include is not None

    def leaves_out(self, path: str, *, is_folder: bool) -> bool:
        asked = f"{path}/" if is_folder else path
        if self.include is not None and not is_folder and not self.include.match_file(asked):
            return True
        if self.exclude is not None and (said := _said(self.exclude, asked)) is not None:
            return said
        for prefix, rules in reversed(self.rules):
            if (said := _said(rules, asked[len(prefix) :])) is not None:
                return said
        return False


def _said(rules: GitIgnoreSpec, path: str) -> bool | None:
    """Whether they leave a path out, or expressly do not; None if they say nothing.

    What a pattern says of a folder it says of no file in there: the folder was asked about before.
    """
    found = rules.check_file(path)
    if found.include is not False or path.endswith("/"):
        return found.include
    said = (each.include for each in reversed([*rules.patterns]) if _names(each, path))
    return next(said, None)


def _names(pattern: Pattern, path: str) -> bool:
    """Whether it is of the path itself; pathspec has it match whatever lies below, too."""
    found = pattern.match_file(path) if pattern.include is not None else None
    return found is not None and not found.match.groupdict().get(_BELOW)


def _spec(patterns: Patterns, what: str) -> GitIgnoreSpec | None:
    if patterns is None:
        return None
    lines = [patterns] if isinstance(patterns, str) else [*patterns]
    if not all(isinstance(line, str) for line in lines):
        raise InvalidError(f"{what} wants patterns as of a .gitignore, not {patterns!r}")
    return _compiled(lines, what)


def _compiled(lines: Sequence[str], source: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # only who leaves something out needs it

    try:
        return GitIgnoreSpec.from_lines(chain.from_iterable(map(_inside, lines)))
    except ValueError as error:
        raise InvalidError(f"{source}: {error}") from None


def _inside(line: str) -> Iterator[str]:
    """What is in a folder, and not the folder: pathspec takes a/** for a/, but a/* for what it is.

    Both mean all at any depth, as whatever lies in a folder that is left out is left out.
    """
    bare = line.rstrip(" ")
    if not bare.endswith("/**"):
        yield line
        return
    yield bare[:-1]
    if bare.startswith("!"):
        yield f"{bare[:-1]}/**"  # each file in there was named, too


def _lines(path: Path) -> list[str] | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError:
        return None  # the walk will tell, if it is a file of the artifact
    if len(data) > _MOST:
        raise InvalidError(f"{os.fspath(path)} has more than {_MOST} bytes: no ignore file")
    try:
        return data.decode().splitlines()
    except UnicodeDecodeError:
        raise InvalidError(f"{os.fspath(path)} is not UTF-8") from None
