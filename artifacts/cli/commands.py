"""Commands: what `art` can do, each command in the module of its name."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from artifacts import __version__
from artifacts.cli.failure import report
from artifacts.cli.options import shared_options

_NAMES = (
    "put",
    "get",
    "ls",
    "show",
    "log",
    "diff",
    "cat",
    "verify",
    "alias",
    "tag",
    "link",
    "unlink",
    "rename",
    "rm",
    "lineage",
    "prune",
    "ttl",
    "gc",
    "fsck",
    "store",
    "cache",
    "run",
    "sync",
    "init",
    "status",
    "login",
    "logout",
)


class _Commands(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_NAMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _NAMES:
            return None
        found = getattr(import_module(f"artifacts.cli.{cmd_name}"), cmd_name)
        return found if isinstance(found, click.Command) else None


@click.version_option(__version__, message="art %(version)s", help="Tell the version.")
@click.group(
    cls=_Commands,
    params=shared_options(),
    epilog="Every command takes these options too. `art COMMAND --help` tells more.",
    subcommand_metavar="COMMAND …",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def art() -> None:
    """Versioned datasets and models, addressed by their content, in a store that you own."""


def run(arguments: Sequence[str]) -> int:
    """The exit code; what went wrong is said on standard error, in a sentence."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not end a listing
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError as error:
        _close_output()
        return report(error)
    return code


def _run(arguments: Sequence[str]) -> int:
    """Raises BrokenPipeError."""
    try:
        with art.make_context("art", [*arguments] or ["--help"]) as context:
            return art.invoke(context) or 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outermost line
        return report(error, with_traceback="--debug" in arguments)


def _close_output() -> None:
    """Whoever read it is gone; the interpreter's last flush must not complain of that."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
