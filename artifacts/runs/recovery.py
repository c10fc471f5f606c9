"""Recovery: journals that somebody else wrote, delivered: of killed processes and offline runs."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from artifacts.catalog import Session
from artifacts.errors import ArtifactsError, UsageError
from artifacts.progress import Progress
from artifacts.runs.delivery import Delivery
from artifacts.runs.hold import Hold
from artifacts.runs.outbox import Brought, Outbox
from artifacts.runs.pending import Pending
from artifacts.runs.reading import Reading

_FIRST_PART = re.compile(r"run-(.+)\.wandb(?:\.[0-9]+)?")
_HEAD = b'{"journal":1,'
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Synced:
    """A run that is in its store now, how many records of it were told, and files it misses.

    And what came of its artifacts, if it was offline.
    """

    path: str
    records: int
    missed: tuple[str, ...] = ()
    brought: Brought = field(default_factory=Brought)


def recover(session: Session, run: str | None = None) -> list[Synced]:
    """Deliver what killed processes of this machine left for the session's store.

    With `run`, only what is of that run of the session's project. What cannot be delivered is
    told of and waits on.
    """
    done = []
    settings = session.settings
    for pending in Pending.all(settings.cache_dir):
        is_wanted = run is None or pending.place == (settings.entity, settings.project, run)
        if pending.store != settings.store or not is_wanted:
            continue
        try:
            if synced := settle(session, pending):
                done.append(synced)
        except (ArtifactsError, OSError, LookupError, TypeError, ValueError) as error:
            _log.warning("%s is not in its store yet: %s", pending.folder, error)
    return done


def settle(session: Session, pending: Pending) -> Synced | None:
    """Deliver what waits, and forget it. None while its process is alive. Raises ArtifactsError."""
    synced = _deliver(session, pending.folder, pending.run, is_killed=True)
    if synced:
        pending.done()
    return synced


def sync(session: Session, folder: Path, progress: Progress | None = None) -> Synced | None:
    """Deliver the journal of an offline run, or of one whose process died; again does nothing.

    It goes to the session's store, and to the entity and project that it was logged to; so does
    what an offline run did with artifacts. None while its process is alive. The journal stays.
    Raises UsageError if the folder has none, and ArtifactsErrors, after which it may be called
    again.
    """
    runs = [*journals(folder)]
    if not runs:
        raise UsageError(f"{folder} has no run to be synced: expected a file run-<id>.wandb in it")
    return _deliver(session, folder, runs[0], is_killed=False, progress=progress)


def journals(folder: Path) -> Iterator[str]:
    """Ids of the runs that have a journal in the folder."""
    found = {match[1] for path in folder.iterdir() if (match := _FIRST_PART.fullmatch(path.name))}
    yield from sorted(found)


def folders_below(root: Path) -> Iterator[Path]:
    """Those that have a run's journal, `root` too; hidden folders and stores are passed by."""
    for folder, below, files in os.walk(root):
        if "store.json" in files:
            below.clear()
        below[:] = sorted(each for each in below if each[0] != "." or each == ".wandb")
        if any(_is_journal(os.path.join(folder, each)) for each in files):
            yield Path(folder)


def _is_journal(path: str) -> bool:
    """Whether it is one of ours: W&B gives its own the same names."""
    if not _FIRST_PART.fullmatch(os.path.basename(path)):
        return False
    with open(path, "rb") as file:
        return file.read(len(_HEAD)) == _HEAD


def _deliver(
    session: Session,
    folder: Path,
    run: str,
    *,
    is_killed: bool,
    progress: Progress | None = None,
) -> Synced | None:
    """None if somebody else has it."""
    try:
        hold = Hold(folder)
    except BlockingIOError:
        return None
    reading = Reading(folder, run)
    try:
        delivery = Delivery(session, reading)
        before = delivery.state.journals.delivered.get(delivery.journal, 0)
        delivery.deliver()
        records = reading.position - before
        brought = Brought()
        if not is_killed:
            brought = Outbox(session, folder, run, delivery, progress).bring()
        _end(delivery)
        about = reading.about()
        if is_killed:
            reading.delete()
        missed = tuple(map(str, delivery.missed))
        return Synced(f"{about['entity']}/{about['project']}/{run}", records, missed, brought)
    finally:
        reading.close()
        hold.close()


def _end(delivery: Delivery) -> None:
    """A run whose process is gone is over, unless it is another process's by now."""
    state = delivery.state
    if state.told_state == "running" and state.journals.own in (None, delivery.journal):
        told = "preempted" if state.is_preempting else "crashed"
        delivery.deliver([{"kind": "finished", "state": told, "exit_code": 255}])
    if state.told_state != "running":
        delivery.tidy()
