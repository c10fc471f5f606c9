"""Pending: journals of this machine that are not in their store yet."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from artifacts.errors import MalformedError
from artifacts.runs.reading import Reading
from artifacts.settings import Settings

_FORGOTTEN_S = 7 * 24 * 3600.0  # after which a folder that is gone from its machine is forgotten
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
    host: str = ""

    @classmethod
    def add(cls, cache: Path, journal: str, folder: Path, about: dict[str, str]) -> Self:
        """Raises OSError."""
        file = cache / "pending" / journal
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f"{journal}.new")
        told = {**about, "host": socket.gethostname()}
        beside.write_text(json.dumps({"folder": str(folder.absolute()), **told}))
        beside.replace(file)
        return cls(file, folder.absolute(), **told)

    @classmethod
    def all(cls, cache: Path) -> Iterator[Self]:
        """Those whose folder is to be seen from here, the one that began first at first.

        The cache may be shared by machines and the folder not, so one that is gone is forgotten
        after a week, and by the machine that it was on only.
        """
        for file in sorted((cache / "pending").glob("?" * 32), key=_place):
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
            elif found._is_old():
                found.done()

    @classmethod
    def of(cls, cache: Path, settings: Settings, run: str) -> list[Self]:
        """Those of one run, of the settings' store and project."""
        wanted = settings.store, settings.entity, settings.project, run
        found = cls.all(cache)
        return [each for each in found if (each.store, *each.place) == wanted]

    @property
    def place(self) -> tuple[str, str, str]:
        """Its entity, project and run."""
        return self.entity, self.project, self.run

    @property
    def last_step(self) -> int | None:
        """Of the rows that wait, as far as can be read; None without."""
        reading = Reading(self.folder, self.run)
        try:
            return reading.last_step()
        except (MalformedError, OSError):
            return None
        finally:
            reading.close()

    def _is_old(self) -> bool:
        if self.host != socket.gethostname():
            return False
        try:
            return time.time() - self.file.stat().st_mtime > _FORGOTTEN_S
        except OSError:
            return False

    def done(self) -> None:
        self.file.unlink(missing_ok=True)


def _place(file: Path) -> tuple[float, str]:
    try:
        return file.stat().st_mtime, file.name
    except OSError:
        return 0.0, file.name


def has_pending(cache: Path) -> bool:
    """Whether any journal of this machine may wait."""
    try:
        return next((cache / "pending").iterdir(), None) is not None
    except OSError:
        return False
