"""Place: the folder of one start of a run, which no other start has."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from artifacts.settings import Settings

_log = logging.getLogger(__name__)


def run_folder(settings: Settings) -> Path:
    """Where runs have their folders on this machine."""
    root = Path(os.path.abspath(settings.root_dir or "."))
    if root.is_dir() and not os.access(root, os.W_OK):
        elsewhere = Path(tempfile.gettempdir())
        _log.warning("%s is read-only: the run has its folder in %s", root, elsewhere)
        root = elsewhere
    hidden = root / ".wandb"
    return hidden if hidden.is_dir() else root / "wandb"


def place_of(folder: Path, id_: str, mode: str, *, is_new_id: bool) -> Path:
    """A folder there, made at once for an id that others may begin in the same second.

    Where the disk refuses that, it is the journal's to try again.
    """
    kind = "offline-run" if mode == "offline" else "run"
    began = time.strftime("%Y%m%d_%H%M%S")
    place, number = folder / f"{kind}-{began}-{id_}", 1
    while not is_new_id:
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            number += 1
            place = place.with_name(f"{kind}-{began}-{number}-{id_}")
        except OSError as error:
            _log.debug("%s is not made yet: %s", place, error)
            break
        else:
            break
    return place


def leave_place(place: Path) -> None:
    """Nothing is left of it if nothing lies there."""
    with suppress(OSError):
        place.rmdir()
