"""Link: show a version in a portfolio or registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.names import check_aliases


@command
@click.argument("name")
@click.argument("target")
@click.option("--alias", "aliases", multiple=True, help="A name for it there; repeatable.")
def link(call: Call, name: str, target: str, *, aliases: tuple[str, ...]) -> None:
    """Show a version in a portfolio or registry.

    TARGET is [[entity/]project/]portfolio, and is made if there is none; the aliases, and
    `latest`, are its own. Linked again, a version is the same link.
    """
    portfolio, wanted = call.collection(target), check_aliases(aliases)
    linked = call.session.writable.link(call.version(name), portfolio, wanted)
    data = {
        "name": linked.qualified_name,
        "aliases": linked.aliases,
        "source": linked.source_qualified_name,
        "digest": linked.digest.hex(),
    }
    call.tell(data, _lines)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    aliases = ", ".join(map(shown, data["aliases"]))
    yield f"{data['name']}  shows {data['source']}, as {aliases}"
