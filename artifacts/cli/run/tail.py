"""Tail: the last rows of a run, and those that come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from artifacts.catalog import HISTORY
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.cli.run.show import value_text
from artifacts.errors import NotFoundError
from artifacts.runs import Following, FoundRun, Told, find_run, spelled

_CONSOLE = "console"
_PAUSE_S = 1.0  # between two looks at the run's log


@command
@click.argument("run")
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on while the run does.")
@click.option("-n", "--rows", "count", type=click.IntRange(min=0), default=10, help="How many: 10.")
@click.option(
    "--stream", "streams", metavar="NAME", multiple=True, help="Of these, not history; repeatable."
)
def tail(call: Call, run: str, *, is_followed: bool, count: int, streams: tuple[str, ...]) -> None:
    """Tell the last rows of a run's history.

    Those of several streams are told in order of time: --stream console is what the program wrote.
    With --json each row is an object on a line of its own.
    """
    found = find_run(call.session, run)
    if not (is_followed and found.status == "running"):  # which may have it yet
        _check_streams(found, streams)
    wanted = streams or (HISTORY,)
    call.answer_live(_rows(found, wanted, count, is_followed=is_followed), _line)
    if found.state.segments.keys().isdisjoint(wanted):
        there = ", ".join(found.state.segments) or "none"
        call.note(f"{found.path} has no rows in {' or '.join(wanted)}; it has streams: {there}")


def _check_streams(run: FoundRun, streams: Sequence[str]) -> None:
    """Raises NotFoundError for one that the run has not; a history it has, be it without rows."""
    for stream in streams:
        if stream not in run.state.segments and stream != HISTORY:
            there = ", ".join(run.state.segments) or "none"
            raise NotFoundError(f"{run.path} has no stream {stream!r}; it has: {there}")


def _rows(
    run: FoundRun, streams: Sequence[str], count: int, *, is_followed: bool
) -> Iterator[Mapping[str, Any]]:
    following = Following(run, streams)
    yield from map(_data, following.last(count))
    while is_followed and run.status == "running":
        time.sleep(_PAUSE_S)
        run.refresh()
        yield from map(_data, following.more())


def _data(told: Told) -> Mapping[str, Any]:
    return {"_stream": told.stream, **spelled(told.row)}


def _line(row: Mapping[str, Any]) -> str:
    if row["_stream"] == _CONSOLE:
        return shown(str(row.get("text", "")))
    when = datetime.fromtimestamp(row.get("_timestamp") or 0).astimezone()
    head = f"step {row['_step']}" if "_step" in row else row["_stream"]
    values = (
        f"{shown(key)}={shown(_value(value))}"
        for key, value in row.items()
        if key not in ("_stream", "_step", "_timestamp")
    )
    return f"{when:%H:%M:%S}  {head}  {'  '.join(values)}"


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value_text(value)
