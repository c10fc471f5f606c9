"""Resume: whether a run begins anew, goes on, goes back, or branches off another."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from artifacts.catalog import HISTORY, RunState, Segment, Session
from artifacts.errors import ArtifactsError, StorageError, StoreNotFoundError, UsageError
from artifacts.runs.history import scan
from artifacts.runs.moment import Moment
from artifacts.runs.segments import RUNTIME, STEP, TIMESTAMP, Row
from artifacts.settings import Settings
from artifacts.storage import ObjectStore

ANEW = "anew"
"""Of a journal's note that whoever delivers it tells what `anew` says by then."""
_NOTE = "wandb-resume.json"  # where `auto` finds the run that it is to go on with
_NOT_KEPT = frozenset(("id", "path", "config", "step", "journal", "host", "forked_from"))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run begins with: what was there before, and what becomes of that."""

    step: int = 0
    is_resumed: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: Iterable[Mapping[str, Any]] = ()
    """Read once; of them the summary is made anew where a run goes back, or completed."""
    ran_s: float = 0.0
    """How long it had been going on."""
    changes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """That the run's log is told of before anything else."""
    away: Exception | None = None
    """Why the store was asked in vain; then no more is known than this machine knows."""
    is_placed: bool = True
    """Whether it takes the place of what another process of the run may log from its step on."""


def beginning_of(
    session: Session,
    settings: Settings,
    id_: str,
    config: Collection[str],
    *,
    is_new_id: bool,
) -> Beginning:
    """As the settings want it; `config` names what is given of that.

    An id that was made just now needs no look at the store.

    Raises UsageError for a run that must be there and is not, or must not be and is.
    """
    if settings.fork_from:
        return _forked(session, id_, Moment.parse(settings.fork_from))
    if settings.resume_from:
        return _rewound(session, id_, Moment.parse(settings.resume_from))
    state = None if is_new_id else state_of(session, id_)
    if settings.resume == "must" and state is None:
        raise UsageError(f"there is no run {id_!r} to resume: resume='allow' would begin it")
    if settings.resume == "never" and state is not None:
        raise UsageError(f"there is a run {id_!r} already: resume='allow' would go on with it")
    if state is None:
        return Beginning()
    if settings.resume:
        return _resumed(session, state)
    told = (
        "there is a run %s/%s/%s already: this one takes its place; resume='allow' goes on with it"
    )
    _log.warning(told, settings.entity, settings.project, id_)
    return Beginning(changes=anew(state, config))


def check_branching(settings: Settings, given_id: str | None) -> None:
    """Raises UsageError for two of them at once, or for an id that does not go with them."""
    said = [name for name in ("resume", "resume_from", "fork_from") if getattr(settings, name)]
    if len(said) > 1:
        raise UsageError(f"{' and '.join(said)} exclude each other: only one of them")
    rewound = Moment.parse(settings.resume_from).run if settings.resume_from else given_id
    if given_id and rewound != given_id:
        raise UsageError(f"id={given_id!r} is another run than that of resume_from: leave it out")
    if settings.fork_from and given_id and Moment.parse(settings.fork_from).run == given_id:
        raise UsageError("a fork is another run: give it another id, or rewind with resume_from")


def state_of(session: Session, id_: str) -> RunState | None:
    """None where nobody began such a run, or it was deleted."""
    settings = session.settings
    try:
        fold = session.catalog.run(settings.entity, settings.project, id_)
    except StoreNotFoundError:
        return None
    return None if fold is None or fold.state.is_deleted else fold.state


def _resumed(session: Session, state: RunState) -> Beginning:
    last, told = state.last_step, state.summary.get(STEP)
    since = told + 1 if isinstance(told, int) else 0
    is_behind = last is not None and last >= since  # as its process could not tell the summary
    rows = _untold(state, session.catalog.store, since) if is_behind else ()
    return Beginning(
        step=0 if last is None else last + 1,
        is_resumed=True,
        facts=_kept(state),
        config=state.config,
        summary=state.summary,
        metrics=state.metrics,
        rows=rows,
        ran_s=_ran_s(state),
    )


def _untold(state: RunState, store: ObjectStore, since: int) -> Iterator[Row]:
    """Rows that the summary does not know of, as far as they can be read."""
    try:
        yield from scan(state, store, min_step=since)
    except ArtifactsError as error:
        _log.warning("the summary goes on with what was told last, as rows are missing: %s", error)


def beginning_unasked(
    settings: Settings, config: Collection[str], last_step: int | None, away: Exception
) -> Beginning:
    """Where the store cannot be asked, and this machine knows of rows up to `last_step`, if any.

    A run that takes the place of another does so when it is delivered. Raises StorageError for
    one that `needs_store`.
    """
    if needs_store(settings):
        reason = "needs to know what there is, which cannot be asked now; try again when it can"
        raise StorageError(settings.store, f"{_needing(settings)} {reason} ({away})") from away
    if not settings.resume:
        return Beginning(changes=((ANEW, {"config": [*config]}),), away=away)
    if last_step is None:
        return Beginning(away=away, is_placed=False)
    return Beginning(step=last_step + 1, away=away)


def needs_store(settings: Settings) -> bool:
    """Whether a run cannot be begun without knowing what there is."""
    return bool(_needing(settings))


def _needing(settings: Settings) -> str:
    """The setting that makes it so; empty without."""
    names = ("resume_from", "fork_from") + ("resume",) * (settings.resume in ("must", "never"))
    return next((f"{each}={given!r}" for each in names if (given := getattr(settings, each))), "")


def anew(state: RunState, config: Collection[str]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """What makes nothing count of what a run was, but for the members of `config`."""
    changes: list[tuple[str, Mapping[str, Any]]] = []
    for stream, segments in state.segments.items():
        if segments:
            names = [str(each.name) for each in segments]
            changes.append(("compacted", {"stream": stream, "from": names, "to": []}))
    for kind, gone in (("config", {*state.config} - {*config}), ("summary", {*state.summary})):
        if gone:
            changes.append((kind, {"unset": sorted(gone)}))
    return tuple(changes)


def _rewound(session: Session, id_: str, moment: Moment) -> Beginning:
    state = _at(session, moment, "resume_from")
    rows = (*_rows(session, state, moment),)
    return Beginning(
        step=moment.step + 1,
        is_resumed=True,
        facts=_kept(state),
        config=state.config,
        metrics=state.metrics,
        rows=rows,
        ran_s=_ran_s(state, rows),
        changes=(
            ("rewound", {"step": moment.step}),
            ("summary", {"unset": [*state.summary]}),
        ),
    )


def _forked(session: Session, id_: str, moment: Moment) -> Beginning:
    state = _at(session, moment, "fork_from")
    if state_of(session, id_) is not None:
        raise UsageError(f"there is a run {id_!r} already: a fork needs an id of its own")
    cut = (each.cut(moment.step) for each in state.segments.get(HISTORY, []))
    rows = (*_rows(session, state, moment),)
    return Beginning(
        step=moment.step + 1,
        facts={"forked_from": str(moment)},
        config=state.config,
        metrics=state.metrics,
        rows=rows,
        ran_s=_ran_s(state, rows),
        changes=tuple(("rows", _adopted(each)) for each in cut if not each.is_empty),
    )


def _at(session: Session, moment: Moment, what: str) -> RunState:
    state = state_of(session, moment.run)
    if state is None:
        raise UsageError(f"{what}={str(moment)!r}: there is no run {moment.run!r}")
    last = state.last_step
    if last is None or moment.step > last:
        there = "it has no steps" if last is None else f"its last step is {last}"
        raise UsageError(f"{what}={str(moment)!r}: {there}")
    return state


def _rows(session: Session, state: RunState, moment: Moment) -> Iterator[Mapping[str, Any]]:
    return scan(state, session.catalog.store, max_step=moment.step + 1)


def _ran_s(state: RunState, rows: Sequence[Mapping[str, Any]] = ()) -> float:
    """Seconds that the run had been going on, at most: at its end, or when it logged the last row.

    Of one that was killed nobody knows how long nothing of it was going on.
    """
    began = datetime.fromisoformat(state.created_at).timestamp()
    heard = datetime.fromisoformat(state.heard_at).timestamp()
    told = state.summary.get(RUNTIME)
    ran = float(told) if isinstance(told, int | float) else heard - began
    logged = max((float(row[TIMESTAMP]) for row in rows), default=heard)
    return max(0.0, min(ran, logged - began))


def _adopted(segment: Segment) -> Mapping[str, Any]:
    return {"stream": HISTORY, **segment.told()}


def _kept(state: RunState) -> dict[str, Any]:
    return {key: value for key, value in state.facts.items() if key not in _NOT_KEPT}


class Last:
    """The run that this folder's last one was, as long as it has not ended well."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _NOTE

    def read(self) -> str | None:
        """Its id, or None."""
        try:
            id_ = json.loads(self._file.read_text())["run_id"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return id_ if isinstance(id_, str) else None

    def write(self, id_: str) -> None:
        """Where that fails the next run is a new one, which is said."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps({"run_id": id_}))
        except OSError as error:
            _log.warning("resume='auto' will not find this run: %s", error)

    def forget(self) -> None:
        """It ended well."""
        self._file.unlink(missing_ok=True)
