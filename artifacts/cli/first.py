"""First: the option by which a listing tells of the newest only, and of how many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from artifacts.cli.call import Call

F = TypeVar("F", bound=Callable[..., Any])
_FIRST = 50  # of a table, whose reader wants it at once


def first_option(function: F) -> F:
    """--first, for a command that lists what there may be many of."""
    text = "How many; 0 for all, as with --json."
    return click.option("--first", type=click.IntRange(min=0), help=text)(function)


def most_of(call: Call, first: int | None) -> int:
    """How many are listed at most; 0 for all."""
    return (0 if call.is_json else _FIRST) if first is None else first


def note_more(call: Call, most: int, command: str) -> None:
    """That there are more than were listed."""
    call.note(f"the first {most:,}; `art {command} --first 0` lists all")
