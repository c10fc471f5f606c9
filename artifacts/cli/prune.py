"""Prune: delete versions of a collection, but for those that a rule keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from artifacts.catalog import Rule, id_of, showing
from artifacts.cli.arguments import age
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, size_text


@command
@click.argument("name")
@click.option("--keep", metavar="N", type=int, help="The newest N versions stay.")
@click.option("--older-than", metavar="AGE", type=age, help="What is younger stays.")
@click.option("--keep-aliased", is_flag=True, help="What has any alias of its own stays.")
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
    frees what only deleted versions needed. That a portfolio shows a version keeps it no more than
    its aliases there do; links that lead nowhere from then on are told.
    """
    collection = call.collection(name)
    rule = Rule(keep, older_than, keep_aliased)
    catalog = call.session.catalog
    gone = catalog.prune(collection, rule, is_dry=is_dry)
    fold = catalog.collection(collection)
    ids = {row.number: f"{id_of(fold)}-{row.number}" for row in gone} if fold else {}
    shown = showing(catalog, [*ids.values()])
    data = {
        "name": collection.qualified,
        "is_dry": is_dry,
        "versions": [
            {
                "version": f"v{row.number}",
                "created": row.created,
                "size": row.size,
                "shown_by": shown.get(ids.get(row.number, ""), []),
            }
            for row in gone
        ],
    }
    call.tell(data, _lines)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    would, leads = ("would be ", "would lead") if data["is_dry"] else ("", "leads")
    for each in data["versions"]:
        yield f"{data['name']}:{each['version']}  {size_text(each['size'])}, {would}deleted"
        yield from (f"{link}  {leads} nowhere" for link in each["shown_by"])
    yield f"{data['name']}  {count_text(len(data['versions']), 'version')} {would}deleted"
