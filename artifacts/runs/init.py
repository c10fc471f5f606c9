"""Init: a run begins as its arguments, the settings and the store want it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from msgspec import Struct

from artifacts.artifact import StrPath
from artifacts.catalog import Session
from artifacts.errors import IntegrityError, InvalidNameError, UsageError
from artifacts.metadata import check_text
from artifacts.names import check_run_id
from artifacts.runs.active import activate, active_run, tell_unlike
from artifacts.runs.capture import begin_capture
from artifacts.runs.delivery.patience import PASSING, check_answers, while_it_answers
from artifacts.runs.delivery.recovery import recover
from artifacts.runs.disabled import DisabledRun
from artifacts.runs.given import DEFAULTS, config_file, config_of
from artifacts.runs.held import Start
from artifacts.runs.journal.pending import Pending, has_pending
from artifacts.runs.journal.place import leave_place, place_of, run_folder
from artifacts.runs.resume import (
    Beginning,
    Last,
    beginning_of,
    beginning_unasked,
    check_branching,
    needs_store,
)
from artifacts.runs.run import Run
from artifacts.runs.told import check_run_tags
from artifacts.runs.words import generate_id, two_words
from artifacts.settings import Settings

_MODES = {"dryrun": "offline", "run": "online", "shared": "online"}
_OF_RUN = ("id", "name", "notes", "group", "job_type")
_log = logging.getLogger(__name__)


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: StrPath | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: dict[str, Any] | str | None = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: Literal["online", "offline", "disabled"] | None = None,
    force: bool | None = None,
    anonymous: Literal["never", "allow", "must"] | None = None,
    reinit: bool | None = None,
    resume: bool | Literal["allow", "never", "must", "auto"] | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | dict[str, Any] | None = None,
) -> Run:
    """Begin a run, or return the one that is going on; use it as a context manager.

    What is not given is as the settings have it. docs/reference-runs.md says what each means. A
    store that does not answer or refuses ends no run: what is logged waits in the run's folder.
    Raises ValueError for a bad name, value or address, UsageError for what cannot go together or is
    not there, TypeError for a configuration without members, StorageError where the run cannot be
    begun without asking the store: `resume` is `must` or `never`, it goes back or branches off; and
    IntegrityError where what the store has of the run is damaged, or newer than this software.
    """
    given = {
        "root_dir": dir,
        "run_id": id,
        "run_name": check_text(name, "name"),
        "run_notes": check_text(notes, "notes"),
        "run_tags": None if tags is None else check_run_tags(tags),
        "run_group": check_text(group, "group"),
        "run_job_type": check_text(job_type, "job_type"),
        "allow_val_change": allow_val_change,
        "mode": mode,
        "force": force,
        "anonymous": anonymous,
        "reinit": reinit,
        "resume": resume,
        "resume_from": resume_from,
        "fork_from": fork_from,
        "save_code": save_code,
        "sync_tensorboard": tensorboard if sync_tensorboard is None else sync_tensorboard,
    }
    wanted = _settings(settings, entity, project, given)
    if (running := _running(wanted)) is not None:
        tell_unlike(running, _others(running, given, entity, project, config))
        return running
    config = config_of(config, config_exclude_keys, config_include_keys)
    try:
        return _begun(wanted, {**_files_config(wanted), **config})
    except UsageError as error:
        raise error.with_traceback(None) from None  # our insides tell the caller nothing


def _settings(
    base: Settings | Mapping[str, Any] | None,
    entity: str | None,
    project: str | None,
    given: Mapping[str, Any],
) -> Settings:
    """What is given, over those that the run is to begin with."""
    wanted = _base(base).within(entity, project)
    for key, value in given.items():
        if value is not None:
            setattr(wanted, key, value)
    return wanted


def _base(given: Settings | Mapping[str, Any] | None) -> Settings:
    if given is None:
        return Settings.load()
    return replace(given) if isinstance(given, Settings) else Settings(**given)


def _running(wanted: Settings) -> Run | None:
    """The run that is going on, unless another is wanted, for which it is finished."""
    running = active_run()
    if running is None or wanted.reinit in (False, None, "default", "return_previous"):
        return running
    if wanted.reinit != "create_new":
        running.finish()
    return None


def _others(
    running: Run,
    given: Mapping[str, Any],
    entity: str | None,
    project: str | None,
    config: object,
) -> list[str]:
    """Names of the arguments of `init` that would have made it another run."""
    asked = {name: given[f"run_{name}"] for name in _OF_RUN} | {
        "entity": entity,
        "project": project,
        "tags": None if given["run_tags"] is None else tuple(given["run_tags"]),
        "mode": _MODES.get(given["mode"], given["mode"]),
    }
    others = [key for key, value in asked.items() if value not in (None, getattr(running, key))]
    return others if not config or _has(running, config) else [*others, "config"]


def _has(running: Run, config: object) -> bool:
    """Whether all of it is in the run's, as far as can be seen."""
    there = running.config
    return isinstance(config, Mapping) and all(
        key in there and repr(there[key]) == repr(value) for key, value in config.items()
    )


class _Wanted(Struct, frozen=True):
    """A run that is to begin."""

    settings: Settings
    config: Mapping[str, Any]
    """That it is given."""
    session: Session
    mode: str
    folder: Path
    """Where runs have their folders."""
    id: str
    is_new_id: bool
    """Whether that was made just now."""


def _begun(settings: Settings, config: Mapping[str, Any]) -> Run:
    wanted = _wanted(settings, config)
    run = _disabled(wanted) if wanted.mode == "disabled" else _logging(wanted)
    activate(run)
    return run


def _wanted(settings: Settings, config: Mapping[str, Any]) -> _Wanted:
    mode = _MODES.get(settings.mode, settings.mode)
    folder = run_folder(settings)
    check_branching(settings, settings.run_id)
    id_, is_new_id = _id_of(settings, folder)
    session = Session(replace(settings, offline=settings.offline or mode == "offline"))
    return _Wanted(settings, config, session, mode, folder, id_, is_new_id)


def _disabled(wanted: _Wanted) -> Run:
    folder, facts = wanted.folder / "disabled", _facts(wanted.settings)
    start = Start(wanted.session, wanted.id, folder, wanted.mode, facts, wanted.config)
    return DisabledRun(start)


def _logging(wanted: _Wanted) -> Run:
    if wanted.mode == "online":
        wanted.session.check_address()
    start = _start(wanted, _beginning(wanted))
    if wanted.mode == "online":
        _deliver_what_waits(Session(wanted.settings))
    run = _whole(start)
    run.ended.append(partial(leave_place, start.folder))
    if wanted.settings.resume == "auto":
        _remember(run, wanted.folder)
    return run


def _start(wanted: _Wanted, beginning: Beginning) -> Start:
    """In a folder of its own, of which nothing is left if the run does not begin."""
    settings, mode = wanted.settings, wanted.mode
    place = place_of(wanted.folder, wanted.id, mode, is_new_id=wanted.is_new_id)
    capture = partial(begin_capture, settings, place / "files")
    config = {**beginning.config, **wanted.config}
    facts = {**_facts(settings), **beginning.facts, **_said(settings)}
    start = Start(wanted.session, wanted.id, place, mode, facts, config, beginning, capture)
    start.undo.callback(leave_place, place)
    return start


def _whole(start: Start) -> Run:
    """Or nothing of it: what was begun is ended, and the run has failed if anybody heard of it."""
    with start.undo:
        run = Run(start)
        start.undo.pop_all()
    return run


def _beginning(wanted: _Wanted) -> Beginning:
    session, settings, config = wanted.session, wanted.settings, wanted.config
    if wanted.mode == "offline":
        if settings.resume or settings.resume_from or settings.fork_from:
            _log.warning("offline nothing is known of earlier runs: this one begins anew")
        return Beginning()
    ask = partial(beginning_of, session, settings, wanted.id, config, is_new_id=wanted.is_new_id)
    if wanted.is_new_id and not settings.fork_from:
        return ask()
    is_needed = needs_store(settings)

    def recover_and_ask() -> Beginning:
        recover(session, wanted.id)
        return ask()

    try:
        check_answers(session, is_needed=is_needed)
        return while_it_answers(session, recover_and_ask, is_needed=is_needed)
    except IntegrityError:
        raise  # the store answered, and what it has of the run no delivery could add to
    except PASSING as error:
        return beginning_unasked(settings, config, _last_step(wanted), error)


def _last_step(wanted: _Wanted) -> int | None:
    """Of the rows that wait on this machine; None without."""
    settings = wanted.settings
    waiting = Pending.of(settings, f"{settings.entity}/{settings.project}/{wanted.id}")
    steps = (each.last_step for each in waiting)
    return max((step for step in steps if step is not None), default=None)


def _id_of(settings: Settings, folder: Path) -> tuple[str, bool]:
    """The run's id, and whether it was made just now."""
    if settings.run_id:
        return _checked_id(settings.run_id), False
    if settings.resume_from:
        return settings.resume_from.partition("?")[0], False
    if settings.resume == "auto" and (last := Last(folder).read()):
        return check_run_id(last), False
    return generate_id(), True


def _checked_id(text: str) -> str:
    if text != text.strip():
        raise InvalidNameError(text, "a run's id must not begin or end with a blank")
    return check_run_id(text)


def _said(settings: Settings) -> dict[str, Any]:
    """Facts that somebody gave, which count more than those of a run that is resumed."""
    said = {
        "name": settings.run_name,
        "notes": settings.run_notes,
        "tags": [*settings.run_tags] if settings.run_tags is not None else None,
        "group": settings.run_group,
        "job_type": settings.run_job_type,
        "sweep": settings.sweep_id,
    }
    return {key: value for key, value in said.items() if value}


def _facts(settings: Settings) -> dict[str, Any]:
    return {"name": two_words()} | _said(settings)


def _files_config(settings: Settings) -> dict[str, Any]:
    """Of the files that the settings name, and of the one that W&B looks for."""
    config: dict[str, Any] = {}
    if os.path.isfile(DEFAULTS):
        config.update(config_file(DEFAULTS))
    for path in settings.config_paths or ():
        config.update(config_file(path))
    return config


def _remember(run: Run, folder: Path) -> None:
    last = Last(folder)
    last.write(run.id)
    run.ended.append(lambda: None if run.has_failed else last.forget())


def _deliver_what_waits(session: Session) -> None:
    """What killed processes of this machine left, beside all else."""
    if has_pending(session.settings.cache_dir):
        Thread(target=recover, args=(session,), daemon=True).start()
