"""Pending: journals of this machine that are not in their store yet."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from msgspec import Struct

from artifacts.errors import MalformedError
from artifacts.runs.journal.hold import can_ask, is_alive, is_held
from artifacts.runs.journal.reading import Reading
from artifacts.settings import Settings

_FORGOTTEN_S = 7 * 24 * 3600.0  # after which a folder that is gone from its machine is forgotten
_log = logging.getLogger(__name__)


class Pending(Struct, frozen=True):
    """One of them; `file` tells of it as long as it waits."""

    file: Path
    folder: Path
    run: str
    entity: str
    project: str
    store: str
    host: str = ""
    pid: int = 0  # of the process that wrote it; 0 if that is not known

    @classmethod
    def add(cls, cache: Path, journal: str, folder: Path, about: dict[str, str]) -> Self:
        """Raises OSError."""
        file = cache / "pending" / journal
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f"{journal}.new")
        told: dict[str, Any] = {**about, "host": socket.gethostname(), "pid": os.getpid()}
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
            elif found._is_old:
                found.done()

    @classmethod
    def of(cls, settings: Settings, run: str | None = None) -> Iterator[Self]:
        """Those for the settings' store; with `run`, an `entity/project/run`, of that one only."""
        for found in cls.all(settings.cache_dir):
            if found.store == settings.store and run in (None, found.path):
                yield found

    @classmethod
    def left(cls, settings: Settings, run: str | None = None) -> list[Self]:
        """Of those, what processes of this machine that are gone left."""
        return [found for found in cls.of(settings, run) if found.is_left]

    @property
    def journal(self) -> str:
        """Its id."""
        return self.file.name

    @property
    def began_s(self) -> float:
        """When it was begun, in seconds since 1970; the beginning of time for one that is gone."""
        return _place(self.file)[0]

    @property
    def is_left(self) -> bool:
        """Whether its process was one of this machine, and is gone."""
        return self._is_of_here and not is_held(self.folder) and not is_alive(self.pid)

    @property
    def can_be_asked_for(self) -> bool:
        """Whether its process is one of which this machine knows if it is alive."""
        return self._is_of_here and can_ask()

    @property
    def written_s(self) -> float:
        """When it was begun or added to last, as the disk has it; in seconds since 1970."""
        times = [0.0]
        for file in (self.file, *self.folder.glob("run-*.wandb*")):
            with suppress(OSError):
                times.append(file.stat().st_mtime)
        return max(times)

    @property
    def place(self) -> tuple[str, str, str]:
        """Its entity, project and run."""
        return self.entity, self.project, self.run

    @property
    def path(self) -> str:
        """`entity/project/run`."""
        return "/".join(self.place)

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

    def done(self) -> None:
        """It waits no more."""
        self.file.unlink(missing_ok=True)

    def discard(self) -> None:
        """Nobody wants what waits."""
        Reading(self.folder, self.run).delete()
        self.done()

    @property
    def _is_of_here(self) -> bool:
        """Whether its process was one of this machine."""
        return self.host == socket.gethostname()

    @property
    def _is_old(self) -> bool:
        """Whether it may be forgotten here, now that its folder is gone."""
        try:
            began_s = self.file.stat().st_mtime
        except OSError:
            return False
        return self._is_of_here and began_s < time.time() - _FORGOTTEN_S


def left_by_dead(settings: Settings) -> dict[str, list[Pending]]:
    """By `entity/project/run`: what processes of this machine that are gone left for the store."""
    left: dict[str, list[Pending]] = {}
    for pending in Pending.left(settings):
        left.setdefault(pending.path, []).append(pending)
    return left


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
