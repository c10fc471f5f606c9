"""Removal: one run deleted, or all that are old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from artifacts.cli.arguments import age
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import age_text, count_text, shown
from artifacts.errors import RunningError
from artifacts.runs import Briefs, OldRuns, delete_run, find_run
from artifacts.storage import now


@command
@click.argument("run")
@click.option("--force", is_flag=True, help="One that is running, too.")
def delete(call: Call, run: str, *, force: bool) -> None:
    """Delete a run: what it logged, its files, what is said of it.

    Artifacts that it logged stay. `art gc` frees what only it needed.
    """
    found = find_run(call.session, run)
    if found.status == "running" and not force:
        raise RunningError(found.path)
    delete_run(call.session, found.entity, found.project, found.id)
    call.tell({"path": found.path}, lambda data: [f"{shown(data['path'])}  deleted"])


@command
@click.option("--keep", metavar="N", type=int, help="The newest N runs stay.")
@click.option("--older-than", metavar="AGE", type=age, help="What began later stays.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only tell what would be deleted.")
def rm_old(call: Call, *, keep: int | None, older_than: timedelta | None, is_dry: bool) -> None:
    """Delete the project's runs that are old, but for those running.

    A run goes only if no option keeps it. `art gc` frees what only deleted runs needed.
    """
    old = OldRuns(keep, older_than)
    entity, project = call.settings.entity, call.settings.project
    gone = [*old.among(Briefs(call.session.catalog, entity, project), now())]
    with call.progress("delete old runs") as progress:
        for brief in gone:
            if not is_dry:
                delete_run(call.session, entity, project, brief.id)
            progress.advance(0)
    runs = [{"id": each.id, "name": each.name, "created": each.created_at} for each in gone]
    call.tell({"project": f"{entity}/{project}", "is_dry": is_dry, "runs": runs}, _lines)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    would = "would be " if data["is_dry"] else ""
    for each in data["runs"]:
        began = age_text(each["created"], now())
        yield f"{shown(each['id'])}  {shown(each['name'])}, begun {began}, {would}deleted"
    yield f"{data['project']}  {count_text(len(data['runs']), 'run')} {would}deleted"
