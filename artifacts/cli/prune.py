"""Prune: delete versions of a collection, but for those that a rule keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from artifacts.catalog import Rule
from artifacts.cli.arguments import age
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, size_text


@command
@click.argument("name")
@click.option("--keep", metavar="N", type=int, help="The newest N versions stay.")
@click.option("--older-than", metavar="AGE", type=age, help="What is younger stays.")
@click.option("--keep-aliased", is_flag=True, help="What has any alias stays.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only tell what would be deleted.")
def prune(
    call: Call,
    name: str,
    *,
    keep: int | None,
    older_than: timedelta | None,
    keep_aliased: bool,
    is_dry: bool,
) -> None:
    """Delete the versions of a collection that no option keeps.

    The version that `latest` is on stays in any case. Numbers are never used again; `art gc`
    frees what only deleted versions needed.
    """
    collection = call.collection(name)
    rule = Rule(keep, older_than, keep_aliased)
    gone = call.session.catalog.prune(collection, rule, is_dry=is_dry)
    data = {
        "name": collection.qualified,
        "is_dry": is_dry,
        "versions": [
            {"version": f"v{row.number}", "created": row.created, "size": row.size} for row in gone
        ],
    }
    call.tell(data, _lines)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    would = "would be " if data["is_dry"] else ""
    for each in data["versions"]:
        yield f"{data['name']}:{each['version']}  {size_text(each['size'])}, {would}deleted"
    yield f"{data['name']}  {count_text(len(data['versions']), 'version')} {would}deleted"
