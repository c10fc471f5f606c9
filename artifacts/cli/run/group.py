"""Group: what can be done with runs, each command in the module of its name."""

from __future__ import annotations

import click

from artifacts.cli.options import shared_options
from artifacts.cli.run.diff import diff
from artifacts.cli.run.export import export
from artifacts.cli.run.ls import ls
from artifacts.cli.run.path import path
from artifacts.cli.run.removal import delete, rm_old
from artifacts.cli.run.show import show
from artifacts.cli.run.tail import tail


@click.group(params=shared_options(), no_args_is_help=False)
def run() -> None:
    """Look at runs, get what they logged, and delete them.

    RUN is [[entity/]project/]id, or a name that only one run of the project has.
    """


for each in (ls, show, tail, diff, export, path, delete, rm_old):
    run.add_command(each)
