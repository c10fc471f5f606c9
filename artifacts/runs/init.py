"""Init: a run begins as its arguments, the settings and the store want it."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from artifacts.artifact import StrPath
from artifacts.catalog import Session
from artifacts.errors import InvalidNameError
from artifacts.metadata import check_text
from artifacts.names import check_run_id
from artifacts.runs.active import activate, active_run
from artifacts.runs.capture import begin_capture
from artifacts.runs.disabled import DisabledRun
from artifacts.runs.given import DEFAULTS, config_file, config_of
from artifacts.runs.held import Start
from artifacts.runs.patience import PASSING, check_answers
from artifacts.runs.pending import Pending, has_pending
from artifacts.runs.recovery import recover
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
    not there, TypeError for a configuration without members, and StorageError where the run cannot
    be begun without asking the store: `resume` is `must` or `never`, it goes back or branches off.
    """
    wanted = _settings(settings).within(entity, project)
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
    for key, value in given.items():
        if value is not None:
            setattr(wanted, key, value)
    if (running := _running(wanted)) is not None:
        return running
    config = config_of(config, config_exclude_keys, config_include_keys)
    return _begun(wanted, {**_files_config(wanted), **config})


def _settings(given: Settings | Mapping[str, Any] | None) -> Settings:
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


def _begun(settings: Settings, config: Mapping[str, Any]) -> Run:
    mode = _MODES.get(settings.mode, settings.mode)
    folder = run_folder(settings)
    check_branching(settings, settings.run_id)
    id_, is_new_id = _id_of(settings, folder)
    session = Session(replace(settings, offline=settings.offline or mode == "offline"))
    if mode == "disabled":
        start = Start(session, id_, folder / "disabled", mode, _facts(settings), config)
        run: Run = DisabledRun(start)
    else:
        if mode == "online":
            session.check_address()
        beginning = _beginning(session, settings, id_, config, is_new_id=is_new_id, mode=mode)
        place = _place(folder, id_, mode)
        capture = partial(begin_capture, settings, place / "files")
        merged = {**beginning.config, **config}
        facts = {**_facts(settings), **beginning.facts, **_said(settings)}
        start = Start(session, id_, place, mode, facts, merged, beginning, capture)
        if mode == "online":
            _deliver_what_waits(Session(settings))
        run = Run(start)
        if settings.resume == "auto":
            _remember(run, folder)
    activate(run)
    return run


def _beginning(
    session: Session,
    settings: Settings,
    id_: str,
    config: Collection[str],
    *,
    is_new_id: bool,
    mode: str,
) -> Beginning:
    if mode == "offline":
        if settings.resume or settings.resume_from or settings.fork_from:
            _log.warning("offline nothing is known of earlier runs: this one begins anew")
        return Beginning()
    ask = partial(beginning_of, session, settings, id_, config, is_new_id=is_new_id)
    if is_new_id and not settings.fork_from:
        return ask()
    try:
        check_answers(session, is_needed=needs_store(settings))
        recover(session, id_)
        return ask()
    except PASSING as error:
        waiting = Pending.of(settings.cache_dir, settings, id_)
        steps = [step for each in waiting if (step := each.last_step) is not None]
        return beginning_unasked(settings, config, max(steps, default=None), error)


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


def run_folder(settings: Settings) -> Path:
    """Where runs have their folders on this machine."""
    root = Path(settings.root_dir or ".").absolute()
    if root.is_dir() and not os.access(root, os.W_OK):
        elsewhere = Path(tempfile.gettempdir())
        _log.warning("%s is read-only: the run has its folder in %s", root, elsewhere)
        root = elsewhere
    hidden = root / ".wandb"
    return hidden if hidden.is_dir() else root / "wandb"


def _place(folder: Path, id_: str, mode: str) -> Path:
    """A folder of this start of the run alone."""
    kind = "offline-run" if mode == "offline" else "run"
    made = folder / f"{kind}-{time.strftime('%Y%m%d_%H%M%S')}-{id_}"
    number = 1
    while made.exists():  # begun again within a second
        number += 1
        made = made.with_name(f"{kind}-{time.strftime('%Y%m%d_%H%M%S')}-{number}-{id_}")
    return made


def _remember(run: Run, folder: Path) -> None:
    last = Last(folder)
    last.write(run.id)
    run.ended.append(lambda: None if run.has_failed else last.forget())


def _deliver_what_waits(session: Session) -> None:
    """What killed processes of this machine left, beside all else."""
    if has_pending(session.settings.cache_dir):
        Thread(target=recover, args=(session,), daemon=True).start()
