"""Run: what the log of one execution adds up to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Self

from msgspec import Struct, field

from artifacts.catalog.fields import number_of, seconds_of, text_of, texts_of
from artifacts.catalog.journals import Journals, from_a_start_on
from artifacts.catalog.segment import Segment, blob_of, whole_of
from artifacts.content import MAX_SIZE
from artifacts.storage import Change, Checkpoints, Event, Name, Put, Rows, apply_rules

HISTORY = "history"
_NO_FACTS = frozenset(("kind", "config", "journal", "after", "step", "time"))


class RunFile(Struct, frozen=True):
    """A file of a run, whose bytes are a blob."""

    name: str
    blob: Name
    size: int
    time: str


class RunState(Struct):
    """Source: docs/format.md, Run."""

    facts: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    by_hand: dict[str, int] = field(default_factory=dict)
    """Up to which step rows say nothing of a member of the summary."""
    nested: dict[str, list[str]] = field(default_factory=dict)
    """Keys of rows that are members of members in the summary: the names on the way there."""
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    segments: dict[str, list[Segment]] = field(default_factory=dict)
    files: dict[str, RunFile] = field(default_factory=dict)
    used: list[dict[str, Any]] = field(default_factory=list)
    logged: list[dict[str, Any]] = field(default_factory=list)
    told_state: str = "running"  # which a crash leaves as it is
    exit_code: int | None = None
    created_at: str = ""  # ISO 8601, UTC, as are the others
    heard_at: str = ""  # of the last event
    is_deleted: bool = False
    is_preempting: bool = False
    lost: dict[str, Any] = field(default_factory=dict)  # how many records, from when to when
    batches: int = 0  # events that had rows
    journals: Journals = field(default_factory=Journals)
    rows: Rows = field(default_factory=Rows)

    @property
    def fence(self) -> int:
        return self.journals.fence

    @property
    def own_journal(self) -> str:
        """The journal that began last; empty as long as there is none."""
        return self.journals.own or ""

    @property
    def last_step(self) -> int | None:
        """The greatest step of a row that counts; None without rows."""
        steps = (each.end for each in self.segments.get(HISTORY, []) if not each.is_empty)
        return max((step for step in steps if step is not None), default=None)

    def names(self) -> Iterator[Name]:
        """Every blob that the run needs."""
        if not self.is_deleted:
            yield from (each.name for each in chain.from_iterable(self.segments.values()))
            yield from (each.blob for each in self.files.values())

    def apply(self, event: Event, key: str) -> None:
        """Raises UnknownEventError, MalformedError."""
        check_kinds(event, key)  # before any of it is taken as told
        counting = self.journals.counting(event, key)
        if self.is_deleted:
            counting = from_a_start_on(counting)
        self.batches += any(change["kind"] == "rows" for change in counting.changes)
        if any(change["kind"] != "fenced" for change in counting.changes):
            self.heard_at = event.time
        apply_rules(self, _RULES, counting, key)

    def _begin_anew(self) -> None:
        """Of what was there before, only what is about the log itself stays."""
        empty = RunState()
        for key in {*_KEPT, "segments", "files"} - {"batches", "heard_at"}:
            setattr(self, key, getattr(empty, key))

    def _started(self, event: Event, change: Change) -> None:
        text_of(change, "path")
        if self.is_deleted:
            self._begin_anew()
        self.facts |= {key: value for key, value in change.items() if key not in _NO_FACTS}
        self.config |= _typed(change.get("config", {}))
        self.created_at = self.created_at or _time_of(change, event)
        self.told_state, self.exit_code = "running", None
        self.is_preempting = False

    def _facts(self, _event: Event, change: Change) -> None:
        self.facts |= {key: value for key, value in change.items() if key != "kind"}

    def _config(self, _event: Event, change: Change) -> None:
        _set(self.config, change)

    def _summary(self, _event: Event, change: Change) -> None:
        _set(self.summary, change)
        steps = _typed(change.get("steps", {}))
        self.by_hand |= {key: number_of(steps, key, MAX_SIZE) for key in steps}
        paths = _typed(change.get("nested", {}))
        self.nested |= {key: texts_of(paths, key) for key in paths}

    def _metric(self, _event: Event, change: Change) -> None:
        said = {key: value for key, value in change.items() if key != "kind"}
        self.metrics[text_of(change, "name")] = said

    def _alert(self, event: Event, change: Change) -> None:
        text_of(change, "title")
        self.alerts.append({"time": event.time, **change})

    def _rows(self, _event: Event, change: Change) -> None:
        self.segments.setdefault(text_of(change, "stream"), []).append(Segment.of(change))

    def _compacted(self, _event: Event, change: Change) -> None:
        there = self.segments.get(text_of(change, "stream"), [])
        names, new = texts_of(change, "from"), [Segment.of(each) for each in change["to"]]
        cuts = change.get("until", [None] * len(names))
        steps = [whole_of({"until": cut}, "until") for cut in cuts]
        wanted = [*zip(names, steps, strict=True)]
        found = [(str(each.name), each.until if "until" in change else None) for each in there]
        for start in range(len(found) - len(wanted) + 1 if wanted else 0):
            if found[start : start + len(wanted)] == wanted:
                there[start : start + len(wanted)] = new
                return

    def _anew(self, _event: Event, change: Change) -> None:
        kept = texts_of(change, "config")
        self.segments, self.summary, self.metrics, self.lost = {}, {}, {}, {}
        self.by_hand, self.nested = {}, {}
        self.config = {key: value for key, value in self.config.items() if key in kept}

    def _rewound(self, _event: Event, change: Change) -> None:
        step = number_of(change, "step", MAX_SIZE)
        self.by_hand = {}
        cut = (each.cut(step) for each in self.segments.get(HISTORY, []))
        self.segments[HISTORY] = [each for each in cut if not each.is_empty]

    def _file(self, event: Event, change: Change) -> None:
        name, size = text_of(change, "name"), number_of(change, "size", MAX_SIZE)
        time = _time_of(change, event)
        self.files[name] = RunFile(name, blob_of(change, "blob"), size, time)

    def _unfiled(self, _event: Event, change: Change) -> None:
        self.files.pop(text_of(change, "name"), None)

    def _used(self, _event: Event, change: Change) -> None:
        _add(self.used, change)

    def _logged(self, _event: Event, change: Change) -> None:
        _add(self.logged, change)

    def _preempting(self, _event: Event, _change: Change) -> None:
        self.is_preempting = True

    def _lost(self, _event: Event, change: Change) -> None:
        said = {"from": seconds_of(change, "from"), "to": seconds_of(change, "to")}
        said |= {
            key: step for key in ("first", "last") if (step := whole_of(change, key)) is not None
        }
        for key, value in said.items():
            widest = min if key in ("from", "first") else max
            self.lost[key] = widest(value, self.lost.get(key, value))
        records = number_of(change, "records", MAX_SIZE)
        self.lost["records"] = self.lost.get("records", 0) + records

    def _finished(self, _event: Event, change: Change) -> None:
        self.told_state = text_of(change, "state")
        self.exit_code = whole_of(change, "exit_code")

    def _deleted(self, _event: Event, _change: Change) -> None:
        self.is_deleted = True
        self.segments, self.files = {}, {}

    def _passed(self, _event: Event, _change: Change) -> None:
        """Told by its journals."""

    def save(self, _put: Put | None = None) -> Mapping[str, Any]:
        """JSON from which `load` makes this state again."""
        kept = {key: getattr(self, key) for key in _KEPT}
        segments = {
            stream: [each.told() for each in found] for stream, found in self.segments.items()
        }
        files = [[each.name, str(each.blob), each.size, each.time] for each in self.files.values()]
        return kept | {"segments": segments, "files": files, "journals": self.journals.save()}

    @classmethod
    def load(cls, head: Mapping[str, Any], _checkpoints: Checkpoints) -> Self:
        """Raises KeyError, TypeError or ValueError for what `save` never gives."""
        state = cls(**{key: head[key] for key in _KEPT})
        for stream, found in head["segments"].items():
            state.segments[stream] = [*map(Segment.of, found)]
        for name, blob, size, time in head["files"]:
            state.files[name] = RunFile(name, Name.parse(blob), size, time)
        state.journals = Journals.load(head["journals"])
        return state


_KEPT = (
    *("facts", "config", "summary", "by_hand", "nested", "metrics", "alerts", "used", "logged"),
    *("told_state", "exit_code", "created_at", "heard_at", "is_deleted", "is_preempting", "lost"),
    "batches",
)
_RULES: Mapping[str, Callable[[RunState, Event, Change], None]] = {
    "started": RunState._started,
    "facts": RunState._facts,
    "config": RunState._config,
    "summary": RunState._summary,
    "metric": RunState._metric,
    "alert": RunState._alert,
    "rows": RunState._rows,
    "compacted": RunState._compacted,
    "anew": RunState._anew,
    "rewound": RunState._rewound,
    "file": RunState._file,
    "unfiled": RunState._unfiled,
    "used": RunState._used,
    "logged": RunState._logged,
    "preempting": RunState._preempting,
    "lost": RunState._lost,
    "finished": RunState._finished,
    "deleted": RunState._deleted,
    "delivered": RunState._passed,
    "fenced": RunState._passed,
}
RUN_KINDS: Iterable[str] = _RULES.keys()
"""Of changes that a run's log may have."""


def check_kinds(event: Event, key: str) -> None:
    """Raises UnknownEventError for a critical change without a rule."""
    for change in event.changes:
        if change["kind"] not in _RULES:
            event.unknown(key, change["kind"])


def _typed(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    return value


def _set(there: dict[str, Any], change: Change) -> None:
    there |= _typed(change.get("set", {}))
    for key in texts_of(change, "unset"):
        there.pop(key, None)


def _add(there: list[dict[str, Any]], change: Change) -> None:
    text_of(change, "artifact"), text_of(change, "digest")
    said = {key: value for key, value in change.items() if key != "kind"}
    if said not in there:
        there.append(said)


def _time_of(change: Change, event: Event) -> str:
    if "time" not in change:
        return event.time
    return datetime.fromtimestamp(seconds_of(change), UTC).isoformat(timespec="milliseconds")
