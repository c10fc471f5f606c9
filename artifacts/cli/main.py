"""Main: where the command `art` begins and ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from artifacts.cli.release import release

_COMMANDS = "artifacts.cli.commands"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Do what the arguments say, those of the process if none are given, and exit."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    if given == ["--version"]:
        sys.stdout.write(f"{release()}\n")
        sys.exit(0)
    commands = import_module(_COMMANDS)  # not at the top: the release is told without click
    sys.exit(commands.run(given))


if __name__ == "__main__":
    main()
