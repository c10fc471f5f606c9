"""Rename: another name for a collection or portfolio."""

from __future__ import annotations

import click

from artifacts.cli.arguments import check_is_no_path, check_is_no_version
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
    check_is_no_path(new)
    check_is_no_version(new)
    after = call.session.writable.rename(before, new)
    data = {"name": after.qualified, "before": before.qualified}
    call.tell(data, lambda _: [f"{before.qualified}  is called {after.qualified} now"])
