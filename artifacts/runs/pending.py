"""Pending: journals of this machine that are not in their store yet."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pending:
    """One of them; `file` tells of it as long as it waits."""

    file: Path
    folder: Path
    run: str
    entity: str
    project: str
    store: str

    @classmethod
    def add(cls, cache: Path, journal: str, folder: Path, about: dict[str, str]) -> Self:
        """Raises OSError."""
        file = cache / "pending" / journal
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f"{journal}.new")
        beside.write_text(json.dumps({"folder": str(folder.absolute()), **about}))
        beside.replace(file)
        return cls(file, folder.absolute(), **about)

    @classmethod
    def all(cls, cache: Path) -> Iterator[Self]:
        """What is damaged or whose folder is gone is forgotten."""
        for file in sorted((cache / "pending").glob("?" * 32)):
            try:
                told = json.loads(file.read_text())
                found = cls(file, **(told | {"folder": Path(told["folder"])}))
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, TypeError, OSError) as error:
                _log.warning("%s cannot be read and is passed by: %s", file, error)
                continue
            if found.folder.is_dir():
                yield found
            else:
                found.done()

    def done(self) -> None:
        self.file.unlink(missing_ok=True)


def has_pending(cache: Path) -> bool:
    """Whether any journal of this machine may wait."""
    try:
        return next((cache / "pending").iterdir(), None) is not None
    except OSError:
        return False
