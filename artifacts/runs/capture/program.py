"""Program: what was called, and with which arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Self

from msgspec import Struct

from artifacts.runs.capture.credentials import command_without_credentials


class Program(Struct, frozen=True):
    """The script or module that the interpreter was told to run."""

    name: str  # as W&B has it: a path as it was given, `-m package.module`, or <python>
    path: Path | None  # of the file, where there is one
    arguments: tuple[str, ...]  # without credentials

    @classmethod
    def of(cls, main: ModuleType | None, argv: Sequence[str]) -> Self:
        """Of the module `__main__` and of `sys.argv`."""
        file = getattr(main, "__file__", None)
        spec = getattr(main, "__spec__", None)
        module = spec.name.removesuffix(".__main__") if spec else None
        path = Path(os.path.abspath(file)) if file and os.path.isfile(file) else None
        name = f"-m {module}" if module else (argv[0] if path and argv else None)
        return cls(name or "<python>", path, tuple(command_without_credentials(argv[1:])))

    @classmethod
    def current(cls) -> Self:
        """Of this process."""
        return cls.of(sys.modules.get("__main__"), sys.argv)

    def path_below(self, root: Path) -> str | None:
        """Of the file, with slashes; its name alone where it lies elsewhere."""
        if self.path is None:
            return None
        path, root = Path(os.path.realpath(self.path)), Path(os.path.realpath(root))
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
