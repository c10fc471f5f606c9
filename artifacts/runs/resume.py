"""Resume: whether a run begins anew, goes on, goes back, or branches off another."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from artifacts.catalog import HISTORY, RunState, Segment, Session
from artifacts.errors import StorageError, StoreNotFoundError, UsageError
from artifacts.runs.moment import Moment
from artifacts.runs.rows.history import scan
from artifacts.runs.rows.segments import RUNTIME, TIMESTAMP
from artifacts.runs.rows.untold import runtime_s, summed_up, untold
from artifacts.settings import Settings

_NOTE = "wandb-resume.json"  # where `auto` finds the run that it is to go on with
_NOT_KEPT = frozenset(("id", "path", "config", "step", "journal", "host", "forked_from"))
_log = logging.getLogger(__name__)


class Beginning(Struct, frozen=True):
    """What a run begins with: what was there before, and what becomes of that."""

    step: int = 0
    is_resumed: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nested: Mapping[str, list[str]] = field(default_factory=dict)
    """Keys of rows, and the names on the way to their values in the summary."""
    changes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """That the run's log is told of before anything else."""
    can_wait: bool = False
    """Whether that is soon enough when there are rows, or anything but artifacts."""
    away: Exception | None = None
    """Why the store was asked in vain; then no more is known than this machine knows."""
    is_placed: bool = True
    """Whether it takes the place of what another process of the run may log from its step on."""

    @property
    def ran_s(self) -> float:
        """How long it had been going on when it logged the last row."""
        return runtime_s(self.summary) or 0.0


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
    state = None if is_new_id else _run_there(session, id_)
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
    there = (state.config, state.summary, state.metrics, state.lost, *state.segments.values())
    return replace(_anew(config), can_wait=not any(there))


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


def _run_there(session: Session, id_: str) -> RunState | None:
    """None where nobody began such a run, or it was deleted."""
    settings = session.settings
    try:
        fold = session.catalog.run(settings.entity, settings.project, id_)
    except StoreNotFoundError:
        return None
    return None if fold is None or fold.state.is_deleted else fold.state


def _resumed(session: Session, state: RunState) -> Beginning:
    new = untold(state, session.catalog.store)
    return Beginning(
        step=0 if state.last_step is None else state.last_step + 1,
        is_resumed=True,
        facts=_kept(state),
        config=state.config,
        summary={**state.summary, **new},
        metrics=state.metrics,
        nested=state.nested,
        changes=(("summary", {"set": new}),) if new else (),
    )


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
        return replace(_anew(config), away=away)
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


def _anew(config: Collection[str]) -> Beginning:
    """It takes the place of what is there when that is told: others may add to it until then."""
    return Beginning(changes=(("anew", {"config": [*config]}),))


def _rewound(session: Session, id_: str, moment: Moment) -> Beginning:
    state = _at(session, moment, "resume_from")
    return Beginning(
        step=moment.step + 1,
        is_resumed=True,
        facts=_kept(state),
        config=state.config,
        summary=_summary_at(session, state, moment),
        metrics=state.metrics,
        nested=state.nested,
        changes=(
            ("rewound", {"step": moment.step}),
            ("summary", {"unset": [*state.summary]}),
        ),
    )


def _forked(session: Session, id_: str, moment: Moment) -> Beginning:
    state = _at(session, moment, "fork_from")
    if _run_there(session, id_) is not None:
        raise UsageError(f"there is a run {id_!r} already: a fork needs an id of its own")
    cut = (each.cut(moment.step) for each in state.segments.get(HISTORY, []))
    return Beginning(
        step=moment.step + 1,
        facts={"forked_from": str(moment)},
        config=state.config,
        summary=_summary_at(session, state, moment),
        metrics=state.metrics,
        nested=state.nested,
        changes=(
            *(("metric", facts) for facts in state.metrics.values()),
            *((("summary", {"nested": state.nested}),) if state.nested else ()),
            *(("rows", _adopted(each)) for each in cut if not each.is_empty),
        ),
    )


def _at(session: Session, moment: Moment, what: str) -> RunState:
    state = _run_there(session, moment.run)
    if state is None:
        raise UsageError(f"{what}={str(moment)!r}: there is no run {moment.run!r}")
    last = state.last_step
    if last is None or moment.step > last:
        there = "it has no steps" if last is None else f"its last step is {last}"
        raise UsageError(f"{what}={str(moment)!r}: {there}")
    return state


def _summary_at(session: Session, state: RunState, moment: Moment) -> dict[str, Any]:
    """By the rows alone: nobody knows when the rest of it was set. Raises ArtifactsError."""
    summary = summed_up(state, scan(state, session.catalog.store, max_step=moment.step + 1))
    if TIMESTAMP in summary:
        summary[RUNTIME] = _ran_s(state, summary[TIMESTAMP])
    return summary


def _ran_s(state: RunState, last_s: float) -> float:
    """Seconds that the run had been going on, at most, when it logged the row of that time.

    Of one that was killed nobody knows how long nothing of it was going on.
    """
    began = datetime.fromisoformat(state.created_at).timestamp()
    heard = datetime.fromisoformat(state.heard_at).timestamp()
    told_s = runtime_s(state.summary)
    ran_s = heard - began if told_s is None else told_s
    return max(0.0, min(ran_s, last_s - began))


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
