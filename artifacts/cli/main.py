"""Main: where the command `art` begins and ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from artifacts import __version__

_COMMANDS = "artifacts.cli.commands"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Do what the arguments say, those of the process if none are given, and exit."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    if given == ["--version"]:
        sys.stdout.write(f"art {__version__}\n")
        sys.exit(0)
    try:
        commands = import_module(_COMMANDS)  # not at the top: the version is told without click
    except KeyboardInterrupt:
        sys.stderr.write("art: interrupted\n")
        sys.exit(130)
    sys.exit(commands.run(given))


if __name__ == "__main__":
    main()
