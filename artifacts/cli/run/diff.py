"""Diff: where two runs differ in what they were given and in what they came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import table
from artifacts.cli.run.show import OF_LAST_ROW, value_text
from artifacts.runs import FoundRun, find_run

_ABSENT = object()


@command
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
def diff(call: Call, old: str, new: str) -> int:
    """Tell where two runs differ in config and summary.

    The exit code is 1 if they do.
    """
    before, after = find_run(call.session, old), find_run(call.session, new)
    data = {
        "old": before.path,
        "new": after.path,
        "config": [*_differences(before.state.config, after.state.config)],
        "summary": [*_differences(_logged(before), _logged(after))],
    }
    call.answer(data, _lines)
    return 1 if data["config"] or data["summary"] else 0


def _logged(run: FoundRun) -> dict[str, Any]:
    """Its summary, but for the run's own: no two runs are of the same time."""
    return {key: each for key, each in run.state.summary.items() if key not in OF_LAST_ROW}


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of nested tables each member by itself; what only one has is absent in the other."""
    before, after = dict(_flat(old)), dict(_flat(new))
    for key in sorted({*before, *after}):
        one, other = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if one is _ABSENT or other is _ABSENT or not _is_same(one, other):
            sides = {"old": one, "new": other}
            told = {side: value for side, value in sides.items() if value is not _ABSENT}
            yield {"key": key, **told}


def _is_same(one: object, other: object) -> bool:
    """1 and 1.0 are, 1 and True are not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _flat(there: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in there.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    rows = [(what, each) for what in ("config", "summary") for each in data[what]]
    if rows:
        yield from table(
            ("", "KEY", data["old"], data["new"]),
            ((what, each["key"], _side(each, "old"), _side(each, "new")) for what, each in rows),
        )
    else:
        yield f"{data['old']} and {data['new']} have the same config and summary"


def _side(each: Mapping[str, Any], side: str) -> str:
    return value_text(each[side]) if side in each else ""
