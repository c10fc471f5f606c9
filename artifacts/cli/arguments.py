"""Arguments: whether a user means a folder of this machine or a name in the store."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import click

from artifacts.errors import InvalidNameError, UsageError
from artifacts.names import ArtifactName, DigestName, parse_name
from artifacts.settings import Settings

_AGE = re.compile(r"([0-9]{1,9}) ?(s|min|h|d|w)?")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DIGITS = 64  # of a whole digest
_STARTS = ("./", "../", "/", "~/")


def age(text: str) -> timedelta:
    """A time as people write it: 7d, 12h, 30min, 90s, 2w or 0. Raises click's BadParameter."""
    match = _AGE.fullmatch(text.strip())
    if match is None or (match[2] is None and int(match[1])):
        raise click.BadParameter(f"{text!r} is no age; write it like 7d, 12h, 30min, 2w or 0")
    try:
        return timedelta(**{_UNITS[match[2] or "s"]: int(match[1])})
    except OverflowError:
        raise click.BadParameter(f"{text!r} is longer than there is time") from None


def parse_target(text: str, settings: Settings) -> Path | ArtifactName | DigestName:
    """A folder only if it is written with ./, ../, ~/ or /, anything else is a name.

    Raises UsageError for a name that is also a folder, and for a folder that is not there.
    """
    if _is_written_as_folder(text):
        return _existing(text)
    is_folder = os.path.isdir(text)
    try:
        name = parse_name(text, entity=settings.entity, project=settings.project)
    except InvalidNameError:
        if is_folder:
            raise UsageError(f"{text!r} is not a name; write ./{text} for the folder") from None
        raise
    if is_folder:
        raise UsageError(
            f"{text!r} is a folder and may be a name: write ./{text} for the folder, "
            f"{_spelled_out(name, text)} for the artifact"
        )
    return name


def check_is_no_folder(text: str) -> None:
    """Raises UsageError."""
    if _is_written_as_folder(text):
        raise UsageError(
            f"{text!r} is a folder, expected a name: [[entity/]project/]name[:version]"
        )


def check_is_no_version(text: str) -> None:
    """Raises UsageError."""
    place, slash, last = text.rpartition("/")
    collection = re.split("[:@]", last)[0]
    if collection != last:
        raise UsageError(
            f"{text!r} says a version, where only a collection belongs: "
            f"write {place}{slash}{collection}"
        )


def check_is_no_path(text: str) -> None:
    """Raises UsageError for a name that says a project."""
    place, slash, last = text.rpartition("/")
    if slash:
        raise UsageError(
            f"{text!r} says the project {place!r}, where only the new name belongs, "
            f"as a collection stays in its project: write {last or 'a name'}"
        )


def says_version(text: str) -> bool:
    """Whether a name says which version is meant, and not only a collection."""
    last = text.rpartition("/")[2]
    return ":" in last or "@" in last or len(last) == _DIGITS


def check_says_version(text: str) -> None:
    """Raises UsageError."""
    if not says_version(text):
        raise UsageError(f"{text!r} says no version: write {text}:latest, or another one")


def as_folder(path: Path) -> str:
    """As a user has to write it, so that it is taken for a folder."""
    try:
        return f"./{path.absolute().relative_to(Path.cwd())}"
    except ValueError:
        return os.fspath(path)


def _is_written_as_folder(text: str) -> bool:
    return text.startswith(_STARTS) or text in (".", "..", "~")


def _existing(text: str) -> Path:
    path = Path(os.path.expanduser(text))
    if not path.is_dir():
        raise UsageError(f"no folder at {text}")
    return path


def _spelled_out(name: ArtifactName | DigestName, text: str) -> str:
    if name.qualified != text:
        return name.qualified
    last = text.rpartition("/")[2]
    return f"--entity {name.entity} --project {name.project} {last}"
