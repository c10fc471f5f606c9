"""Commands about runs: `art run …`."""

from artifacts.cli.run.group import run

__all__ = ["run"]
