"""Unlink: show a version in a portfolio no more."""

from __future__ import annotations

import click

from artifacts.cli.arguments import check_says_version
from artifacts.cli.call import Call
from artifacts.cli.options import command


@command
@click.argument("name", metavar="NAME:VERSION")
def unlink(call: Call, name: str) -> None:
    """Take a version out of a portfolio or registry.

    It is named as the portfolio shows it, by number or alias; where it was logged it stays.
    """
    check_says_version(name)
    version = call.version(name)
    call.session.writable.unlink(version)
    data = {"name": version.qualified_name, "source": version.source_qualified_name}
    call.tell(data, lambda _: [f"{data['name']}  showed {data['source']}, which stays"])
