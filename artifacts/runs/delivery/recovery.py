"""Recovery: journals that somebody else wrote, delivered: of killed processes and offline runs."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from artifacts.catalog import RunState, Session
from artifacts.errors import ArtifactsError, UsageError
from artifacts.progress import Progress
from artifacts.runs.delivery.batch import as_told
from artifacts.runs.delivery.delivery import Delivery
from artifacts.runs.delivery.outbox import Brought, Outbox
from artifacts.runs.heartbeat import SILENCE_S, standing_of
from artifacts.runs.journal.hold import Hold
from artifacts.runs.journal.pending import Pending
from artifacts.runs.journal.reading import Reading
from artifacts.runs.rows.untold import untold
from artifacts.runs.values import sayable
from artifacts.storage import Change

_FIRST_PART = re.compile(r"run-(.+)\.wandb(?:\.[0-9]+)?")
_HEAD = b'{"journal":1,'
_log = logging.getLogger(__name__)


class Synced(Struct, frozen=True):
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
    wanted = f"{settings.entity}/{settings.project}/{run}" if run else None
    for pending in Pending.of(settings, wanted):
        try:
            if synced := settle(session, pending):
                done.append(synced)
        except (ArtifactsError, OSError, LookupError, TypeError, ValueError) as error:
            _log.warning("%s is not in its store yet: %s", pending.folder, error)
    return done


def settle(
    session: Session, pending: Pending, clock: Callable[[], float] = time.time
) -> Synced | None:
    """Deliver what waits, and forget it. None while its process is alive. Raises ArtifactsError.

    On a disk without locks one of another machine is taken for alive until nothing was heard of
    it for long.
    """
    is_left = pending.is_left  # before a look at the folder, or it may be written to in between
    reading = Reading(pending.folder, pending.run)
    if pending.run not in journals(pending.folder):
        if not is_left:
            return None
        reading = _Unwritten(pending)
        if session.catalog.run(*pending.place) is None:
            pending.done()
            return Synced(pending.path, 0)
    lives = partial(_may_live, pending, clock)
    synced = _deliver(session, reading, is_killed=True, may_live=lives)
    if synced:
        pending.done()
    return synced


class _Unwritten(Reading):
    """Of a journal that its disk never had room for: all that is left is in the store already."""

    def __init__(self, pending: Pending) -> None:
        super().__init__(pending.folder, pending.run)
        self._pending = pending

    def about(self) -> dict[str, Any]:
        entity, project, run = self._pending.place
        return {"id": self._pending.journal, "entity": entity, "project": project, "run": run}


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
    return _deliver(session, Reading(folder, runs[0]), is_killed=False, progress=progress)


def left_in(folder: Path, session: Session | None) -> str | None:
    """`entity/project/run` of a journal of which the session's store lacks anything.

    None if it has all records, and what the run did with artifacts; without a session none is
    asked. Raises ArtifactsError, OSError.
    """
    reading = Reading(folder, min(journals(folder), default=""))
    try:
        about = reading.about()
        place = [str(about[key]) for key in ("entity", "project", "run")]
        fold = session.catalog.run(*place) if session else None
        if session and fold and _has_all(session, fold.state, reading):
            return None
        return "/".join(place)
    finally:
        reading.close()


def _has_all(session: Session, state: RunState, reading: Reading) -> bool:
    """Whether the run's log has all that its folder holds."""
    about = reading.about()
    reading.seek(state.journals.delivered.get(str(about["id"]), 0))
    outbox = Outbox(session, reading.folder, about["run"])
    return not reading.next(records=1) and outbox.is_empty(state)


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
    reading: Reading,
    *,
    is_killed: bool,
    progress: Progress | None = None,
    may_live: Callable[[Delivery], bool] = lambda _: False,
) -> Synced | None:
    """None if somebody else has it, or may have where there is no lock that says so."""
    try:
        hold = Hold(reading.folder)
    except BlockingIOError:
        return None
    try:
        delivery = Delivery(session, reading)
        if not hold.is_sure and may_live(delivery):
            return None
        before = delivery.state.journals.delivered.get(delivery.journal, 0)
        delivery.deliver()
        records = reading.position - before
        brought, about = Brought(), reading.about()
        if not is_killed:
            outbox = Outbox(session, reading.folder, about["run"], progress)
            brought = outbox.bring(delivery)
        _end(delivery)
        if is_killed:
            reading.delete()
        missed = tuple(map(str, delivery.missed))
        path = "/".join(about[key] for key in ("entity", "project", "run"))
        return Synced(path, records, missed, brought)
    finally:
        reading.close()
        hold.close()


def _may_live(pending: Pending, clock: Callable[[], float], delivery: Delivery) -> bool:
    """Whether its process may write it, for all that is known here."""
    if pending.can_be_asked_for:
        return False
    if clock() - pending.written_s <= SILENCE_S:
        return True
    return standing_of(delivery.state, delivery.store, delivery.log, (), clock).state == "running"


def _end(delivery: Delivery) -> None:
    """A run whose process is gone is over, unless it is another process's by now."""
    state = delivery.state
    if state.told_state == "running" and state.journals.own in (None, delivery.journal):
        told = "preempted" if state.is_preempting else "crashed"
        ended = {"kind": "finished", "state": told, "exit_code": 255}
        delivery.deliver([*_summary_left(delivery), ended])
    if state.told_state != "running":
        delivery.compact()


def _summary_left(delivery: Delivery) -> list[Change]:
    """What its process did not come to tell of it, as it was killed."""
    new = untold(delivery.state, delivery.store)
    return [{"kind": "summary", "set": as_told(sayable(new))}] if new else []
