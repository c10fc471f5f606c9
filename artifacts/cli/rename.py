"""Rename: another name for a collection or portfolio."""

from __future__ import annotations

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command


@command
@click.argument("name")
@click.argument("new")
def rename(call: Call, name: str, new: str) -> None:
    """Give a collection another name in its project.

    Versions, aliases and links go with it. The old name is free, but no number that it showed is
    used again.
    """
    before = call.collection(name)
    after = call.session.writable.rename(before, new)
    data = {"name": after.qualified, "before": before.qualified}
    call.tell(data, lambda _: [f"{before.qualified}  is called {after.qualified} now"])
