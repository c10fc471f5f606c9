"""Delivery: what a journal says, told to the run's log in the store, each record once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from artifacts.catalog import HISTORY, RunState, Session
from artifacts.errors import ConflictError, MalformedError, UnknownEventError
from artifacts.runs.delivery.batch import Batch, as_told
from artifacts.runs.journal.line import decoded
from artifacts.runs.journal.reading import Reading
from artifacts.runs.rows.compaction import compact
from artifacts.runs.rows.segments import STEP, TIMESTAMP, Row, encode
from artifacts.runs.rows.storing import Storing
from artifacts.runs.values import said, sayable
from artifacts.storage import Change, Epoch, Name, ObjectStore, Proposal

_ROWS_A_SEGMENT, _BYTES_A_SEGMENT = 2**15, 2**25
_BYTES_TOLD = 2**20  # in one event, and what is read at once besides
_MOST_SEGMENTS = 64  # of one event
_TRIES = 8  # while garbage is collected, or others deliver the same
_log = logging.getLogger(__name__)


class Delivery:
    """Of one journal. One thread at a time; any number of processes may deliver the same one."""

    def __init__(self, session: Session, reading: Reading) -> None:
        """Raises StorageError and other ArtifactsErrors if the store cannot be had."""
        about = reading.about()
        self.journal = str(about["id"])
        self._reading, self._catalog = reading, session.writable
        place = about["entity"], about["project"], about["run"]
        self._fold = self._catalog.run_to_write(*map(str, place))
        self._epoch: Epoch | None = None
        self.missed: dict[Path, None] = {}
        """Files of the run that could not be read and are not stored, or not as they became."""

    @property
    def state(self) -> RunState:
        """What the run's log adds up to, as it was read or appended last."""
        return self._fold.state

    @property
    def store(self) -> ObjectStore:
        return self._catalog.store

    @property
    def log(self) -> str:
        """The log's name."""
        return self._fold.log.name

    def deliver(self, ending: Sequence[Change] = ()) -> bool:
        """Tell all that is written by now, then `ending`; whether there was anything.

        Raises StorageError and other ArtifactsErrors; then the same may be tried again.
        """
        was_any = False
        while self._deliver_some():
            was_any = True
        if ending:
            self._append(self.position, self.position, Batch([dict(each) for each in ending]))
        return was_any or bool(ending)

    def compact(self) -> None:
        """Few segments in the place of many. Best effort: others may do it, any time."""
        try:
            compact(self._fold, self._storing())
        except Exception as error:  # noqa: BLE001 - whatever Parquet raises: nothing depends on it
            _log.info("the rows of %s stay in pieces: %s", self.log, error)

    def is_told(self, deed: str) -> bool:
        """Whether what has that id was done, or is for nobody, as the run was deleted."""
        journals = self.state.journals
        is_gone = self.state.is_deleted or self.journal in journals.gone
        return is_gone or journals.has_told(deed)

    def tell(self, deed: str, changes: Sequence[Change]) -> None:
        """That it was done, and what it came to: once, whoever tells it."""
        first = {"kind": "delivered", "journal": deed, "from": 0, "to": 1}
        self._catalog.check_writing()
        self._fold.append(Proposal([first, *changes]))

    @property
    def position(self) -> int:
        """How many of the journal's records the store has."""
        return self.state.journals.delivered.get(self.journal, 0)

    def _deliver_some(self) -> bool:
        for _ in range(_TRIES):
            start = self.position
            self._reading.seek(start)
            storing = self._storing()
            # the log is there before anything that it names, or a collector would not fence it
            batch = self._collect(storing, 1 if self._is_new else 2**62)
            end = self._reading.position
            if end == start:
                return False
            if self._append(start, end, batch):
                return True
        raise ConflictError("a run's log changes all the time; try again")

    @property
    def _is_new(self) -> bool:
        return self._fold.is_empty

    def _storing(self) -> Storing:
        if self._is_new:
            return Storing(self._catalog.store, Epoch())
        if self._epoch is None:
            self._epoch = self._catalog.epoch(is_new=True)
        return Storing(self._catalog.store, self._epoch)

    def _append(self, start: int, end: int, batch: Batch) -> bool:
        """Whether it counts; if not, others told it, or it names what is given up."""
        epoch = self._epoch.number if self._epoch else 0
        if self._fold.state.fence > epoch and batch.is_fenced:
            self._epoch = None
            return False
        first = {"kind": "delivered", "journal": self.journal, "from": start, "to": end}
        self._catalog.check_writing()
        event = self._fold.append(Proposal([first, *batch.changes], adds=batch.names, epoch=epoch))
        if self._fold.state.fence > event.epoch and batch.is_fenced:
            self._epoch = None
        return self.position >= end

    def _collect(self, storing: Storing, records: int) -> Batch:
        batch = Batch()
        left = records
        while left and len(batch.names) < _MOST_SEGMENTS and batch.told < _BYTES_TOLD:
            lines = self._reading.next(_BYTES_TOLD, left)
            if not lines:
                break
            left -= len(lines)
            for line in lines:
                self._take(line, batch, storing)
        for stream in [*batch.rows]:
            _close(batch, stream, storing)
        return batch

    def _take(self, line: bytes, batch: Batch, storing: Storing) -> None:
        try:
            act = self._meant(line)
        except (ValueError, KeyError, TypeError, RecursionError):
            _log.error("%s: a record is damaged, and left out", self._reading.folder)
        else:
            act(batch, storing)

    def _meant(self, line: bytes) -> Callable[[Batch, Storing], None]:
        """What is to be done for it. Raises ValueError and others for what no writer writes."""
        record = decoded(line)
        if line[:1] == b" " and b"\\ud" in line and "file" not in record:
            record = sayable(record)
        if isinstance(record, list):
            when, step, values = record
            row = {STEP: step, TIMESTAMP: when, **values}
            row[STEP] = step  # whatever the values say
            return partial(_add, HISTORY, row, len(line))
        if "stream" in record:
            row = {TIMESTAMP: record["time"], **record["values"]}
            return partial(_add, record["stream"], row, len(line))
        if "note" in record:
            facts = as_told({**record["facts"]}, line)
            return partial(self._note, record["note"], facts, len(line))
        if "artifact" in record:
            return _leave_out
        return partial(self._store, said(record["file"]), _place(self._reading.folder, record))

    def _note(self, kind: str, facts: Change, length: int, batch: Batch, storing: Storing) -> None:
        batch.told += length
        try:
            self._fold.check([{"kind": kind, **facts}])
        except (MalformedError, UnknownEventError) as error:
            _log.error("%s: a record is left out: %s", self._reading.folder, error)
            return
        if kind in ("rows", "rewound"):
            _close(batch, HISTORY, storing)  # what was logged before comes before
        if kind == "rows":
            name = storing.renewed(Name.parse(facts["segment"]))
            batch.names.append(name)
            facts = {**facts, "segment": str(name)}
        batch.note(kind, facts)

    def _store(self, name: str, place: Path, batch: Batch, storing: Storing) -> None:
        try:
            blob, size = storing.file(place)
        except OSError as error:
            self.missed[place] = None
            _log.warning("%s is not stored with the run: %s", place, error.strerror)
            return
        change = {"kind": "file", "name": name, "blob": str(blob), "size": size}
        batch.changes.append({**change, "time": time.time()})
        batch.names.append(blob)


def _add(stream: str, row: Row, length: int, batch: Batch, storing: Storing) -> None:
    rows = batch.rows.setdefault(stream, [])
    rows.append(row)
    size = batch.sizes[stream] = batch.sizes.get(stream, 0) + length
    if len(rows) >= _ROWS_A_SEGMENT or size >= _BYTES_A_SEGMENT:
        _close(batch, stream, storing)


def _leave_out(_batch: Batch, _storing: Storing) -> None:
    """Which the outbox brings."""


def _place(folder: Path, record: Mapping[str, Any]) -> Path:
    path = record["path"]
    if "\0" in path:
        raise ValueError("a path has no NUL")
    return Path(folder, path)


def _close(batch: Batch, stream: str, storing: Storing) -> None:
    """The rows of a stream become a segment."""
    batch.sizes.pop(stream, None)
    if rows := batch.rows.pop(stream, []):
        steps = [row[STEP] for row in rows] if stream == HISTORY else []
        bounds = (min(steps), max(steps)) if steps else None
        segment = storing.segment(encode(rows), len(rows), bounds)
        batch.changes.append({"kind": "rows", "stream": stream, **segment.told()})
        batch.names.append(segment.name)
