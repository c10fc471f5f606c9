"""Ls: the runs of a project, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.first import first_option, most_of, note_more
from artifacts.cli.options import command
from artifacts.cli.output import age_text, table
from artifacts.cli.run.standing import heard_data, state_text
from artifacts.runs import Brief, Briefs, Standing, left_by_dead
from artifacts.storage import now

STATES = ("running", "finished", "failed", "crashed", "preempted")


@command
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="In that state.")
@click.option("--group", metavar="NAME", help="Of that group.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="With all of these tags.")
@first_option
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
    nothing was heard for 5 minutes has crashed, and one whose process on this machine is gone.
    """
    most = most_of(call, first)
    place = call.settings.entity, call.settings.project
    progress = call.progress("look through the runs")
    briefs = Briefs(call.session.catalog, *place, progress, left_by_dead(call.settings))
    found = briefs.newest()
    alike = (b for b in found if (group is None or b.group == group) and {*tags} <= {*b.tags})
    with progress, closing(found), closing(briefs.standings(alike)) as standings:
        told = (_data(brief, standing) for brief, standing in standings)
        wanted = (data for data in told if not states or data["state"] in states)
        listed = [*islice(wanted, most or None)]
        has_more = bool(most) and next(wanted, None) is not None
    call.answer(listed, _lines)
    if any(each["waits_in"] for each in listed):
        call.note("of runs that crashed here not all is in the store; `art sync` brings the rest")
    if has_more:
        note_more(call, most, "run ls")
    if not listed:
        what = "no such run" if states or group is not None or tags else "no runs"
        call.note(f"{what} in {'/'.join(place)} of {call.session.catalog.store.url}")


def _data(brief: Brief, standing: Standing) -> dict[str, Any]:
    return {
        "id": brief.id,
        "name": brief.name,
        "path": brief.path,
        "state": standing.state,
        "created": brief.created_at,
        **heard_data(standing),
        "last_step": brief.last_step,
        "lost": brief.lost,
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
                    state_text(each),
                    age_text(each["created"], now()),
                    "" if each["last_step"] is None else f"{each['last_step']:,}",
                    each["group"] or "",
                    ", ".join(each["tags"]),
                )
                for each in found
            ),
        )
