"""Cat: the bytes of one file of a version."""

from __future__ import annotations

import click

from artifacts.cli.call import Call
from artifacts.cli.failure import no_such_path
from artifacts.cli.options import command
from artifacts.errors import EntryNotFoundError


@command
@click.argument("name")
@click.argument("path")
def cat(call: Call, name: str, path: str) -> None:
    """Write one file of a version to standard output.

    The last bytes come only if all of them were right.
    """
    version = call.version(name)
    try:
        for data in version.read(path):
            call.write(data)
    except EntryNotFoundError:
        raise no_such_path(version, path) from None
