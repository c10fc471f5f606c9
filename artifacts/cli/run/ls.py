"""Ls: the runs of a project, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import age_text, table
from artifacts.runs import Brief, Briefs
from artifacts.storage import now

STATES = ("running", "finished", "failed", "crashed", "preempted")
_FIRST = 50  # of a table, whose reader wants it at once


@command
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="In that state.")
@click.option("--group", metavar="NAME", help="Of that group.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="With all of these tags.")
@click.option("--first", type=click.IntRange(min=0), help="How many; 0 for all, as with --json.")
def ls(
    call: Call,
    *,
    states: tuple[str, ...],
    group: str | None,
    tags: tuple[str, ...],
    first: int | None,
) -> None:
    """List the runs of the project, newest first.

    Only as many logs are read as are listed, and each again only after it grew. A run of which
    nothing was heard for 5 minutes has crashed.
    """
    most = (0 if call.is_json else _FIRST) if first is None else first
    place = call.settings.entity, call.settings.project
    progress = call.session.progress("look through the runs")
    briefs = Briefs(call.session.catalog, *place, progress)
    found = briefs.newest()
    alike = (b for b in found if (group is None or b.group == group) and {*tags} <= {*b.tags})
    told = (_data(brief, briefs.state_of(brief)) for brief in alike)
    wanted = (data for data in told if not states or data["state"] in states)
    with progress:
        listed = [*islice(wanted, most or None)]
        has_more = bool(most) and next(wanted, None) is not None
        found.close()
    call.answer(listed, _lines)
    if has_more:
        call.note(f"the first {most:,}; `art run ls --first 0` lists all")
    if not listed:
        call.note(f"no such run in {'/'.join(place)} of {call.session.catalog.store.url}")


def _data(brief: Brief, state: str) -> dict[str, Any]:
    return {
        "id": brief.id,
        "name": brief.name,
        "path": brief.path,
        "state": state,
        "created": brief.created_at,
        "last_step": brief.last_step,
        "group": brief.group or None,
        "job_type": brief.job_type or None,
        "tags": [*brief.tags],
    }


def _lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if found:
        yield from table(
            ("ID", "NAME", "STATE", "WHEN", ">STEP", "GROUP", "TAGS"),
            (
                (
                    each["id"],
                    each["name"],
                    each["state"],
                    age_text(each["created"], now()),
                    "" if each["last_step"] is None else f"{each['last_step']:,}",
                    each["group"] or "",
                    ", ".join(each["tags"]),
                )
                for each in found
            ),
        )
