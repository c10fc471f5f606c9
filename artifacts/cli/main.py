"""Main: where the command `art` begins and ends.

It loads next to nothing before it begins, so that an interrupt finds it there to answer.
"""

from __future__ import annotations

import sys
from importlib import import_module

from artifacts import __version__

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_COMMANDS = "artifacts.cli.commands"
_SELDOM = 50_000, 20, 100  # the defaults, 700, 10, 10, go through what is kept again and again


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Do what the arguments say, those of the process if none are given, and exit."""
    try:
        if arguments is None:  # the process is ours
            import_module("gc").set_threshold(*_SELDOM)  # not at the top: an interrupt is answered
            arguments = sys.argv[1:]
        code = _run([*arguments])
    except KeyboardInterrupt:
        sys.stderr.write("art: interrupted\n")
        code = 130
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    if arguments == ["--version"]:
        sys.stdout.write(f"art {__version__}\n")
        return 0
    commands = import_module(_COMMANDS)  # not at the top: the version is told without click
    code: int = commands.run(arguments)
    return code


if __name__ == "__main__":
    main()
