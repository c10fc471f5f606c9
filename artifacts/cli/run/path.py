"""Path: where the rows of a run lie, for programs that read the store themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from artifacts.catalog import HISTORY, Segment
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.runs import PARQUET, find_run, tidy


@command
@click.argument("run")
@click.option("--stream", metavar="NAME", default=HISTORY, help="Which rows, if not the history.")
def path(call: Call, run: str, *, stream: str) -> None:
    """Tell where a run's rows lie, for DuckDB, polars or pandas.

    The URIs are in order: read one after another they are all of its rows. What is JSON lines in
    zstd, as of a run that goes on, is told; that of a run that is over becomes Parquet first.
    """
    found = find_run(call.session, run)
    tidy(call.session, found)
    segments = [each for each in found.state.segments.get(stream, []) if not each.is_empty]
    data = [_data(found.store.url, each) for each in segments]
    call.answer(data, _lines)
    if others := [each for each in data if each["format"] != PARQUET]:
        told = f"{len(others)} of {len(data)} are JSON lines in zstd, the others Parquet"
        call.note(told if len(others) < len(data) else "JSON lines in zstd, not Parquet")
    if cut := [each for each in data if each["until"] is not None]:
        call.note(
            f"of {cut[0]['uri']} and {len(cut) - 1} more count rows up to their `until` only"
            if len(cut) > 1
            else f"of {cut[0]['uri']} count rows up to _step {cut[0]['until']}"
        )
    if not data:
        there = ", ".join(found.state.segments) or "none"
        call.note(f"{found.path} has no rows in {stream!r}; it has streams: {there}")


def _data(url: str, segment: Segment) -> dict[str, Any]:
    return {
        "uri": f"{url}/{segment.name.key}",
        "format": segment.format,
        "rows": segment.rows,
        "size": segment.size,
        "first": segment.first,
        "last": segment.last,
        "until": segment.until,
    }


def _lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (shown(each["uri"]) for each in found)
