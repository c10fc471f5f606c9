"""Alias: movable names of a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.errors import NotFoundError
from artifacts.names import check_aliases


@command
@click.argument("name")
@click.argument("aliases", metavar="ALIAS...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take them off.")
def alias(call: Call, name: str, aliases: tuple[str, ...], *, remove: bool) -> None:
    """Put aliases on a version, or take them off.

    They move from whatever version of the collection has them. A version that is named as a
    portfolio shows it gets aliases of that portfolio.
    """
    wanted = check_aliases(aliases)
    version = call.version(name)
    if remove and (strange := [each for each in wanted if each not in version.aliases]):
        has = ", ".join(version.aliases) or "none"
        raise NotFoundError(f"{version.qualified_name} has no {', '.join(strange)}; it has {has}")
    kind = "unaliased" if remove else "aliased"
    changes = [{"kind": kind, "version": version.number, "alias": each} for each in wanted]
    call.session.writable.change(version, changes)
    call.tell({"name": version.qualified_name, "aliases": version.aliases}, _lines)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{data['name']}  {', '.join(map(shown, data['aliases'])) or 'no alias'}"
