"""Module: what the package offers as functions, each of the active run."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TextIO

from artifacts.artifact import Artifact, StrPath, current_session
from artifacts.errors import InvalidError, UsageError
from artifacts.runs.active import active_run, known_run, require_run
from artifacts.runs.alerts import AlertLevel
from artifacts.runs.config import Config
from artifacts.runs.delivery.watching import Policy
from artifacts.runs.keeping import restore as restore_of
from artifacts.runs.metrics import Metric
from artifacts.runs.summary import Summary
from artifacts.settings import Settings

_log = logging.getLogger("artifacts")
_told: set[str] = set()


def log(
    data: dict[str, Any],
    step: int | None = None,
    commit: bool | None = None,
    sync: bool | None = None,
) -> None:
    """As Run.log of the active run. Raises UsageError if there is none."""
    require_run("log").log(data, step, commit, sync)


def define_metric(
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    goal: str | None = None,
    overwrite: bool | None = None,
) -> Metric:
    """As Run.define_metric of the active run. Raises UsageError if there is none."""
    run = require_run("define_metric")
    return run.define_metric(name, step_metric, step_sync, hidden, summary, goal, overwrite)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """Finish the active run, if there is one."""
    if (run := active_run()) is not None:
        run.finish(exit_code, quiet)


def join(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """As `finish`, by its old name."""
    finish(exit_code, quiet)


def alert(
    title: str,
    text: str,
    level: str | AlertLevel | None = None,
    wait_duration: float | timedelta | None = None,
) -> None:
    """As Run.alert of the active run. Raises UsageError if there is none."""
    require_run("alert").alert(title, text, level, wait_duration)


def save(
    glob_str: StrPath | bytes | None = None,
    base_path: StrPath | None = None,
    policy: Policy = "live",
) -> bool | list[str]:
    """As Run.save of the active run. Raises UsageError if there is none."""
    return require_run("save").save(glob_str, base_path, policy)


def restore(
    name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
) -> TextIO | None:
    """As Run.restore of the active run; without one, of the run at `run_path` into this folder.

    Raises ValueError if there is neither.
    """
    if (run := active_run()) is not None:
        return run.restore(name, run_path, replace, root)
    if run_path is None:
        raise InvalidError("restore wants a run_path where there is no active run")
    return restore_of(current_session(), name, run_path, Path(root or "."), replace)


def mark_preempting() -> None:
    """As Run.mark_preempting of the active run. Raises UsageError if there is none."""
    require_run("mark_preempting").mark_preempting()


def watch(
    models: object,
    criterion: Any = None,  # noqa: ANN401
    log: Literal["gradients", "parameters", "all"] | None = "gradients",
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> None:
    """As Run.watch of the active run. Raises UsageError if there is none."""
    require_run("watch").watch(models, criterion, log, log_freq, idx, log_graph)


def unwatch(models: object = None) -> None:
    """As Run.unwatch of the active run. Raises UsageError if there is none."""
    require_run("unwatch").unwatch(models)


def log_artifact(
    artifact_or_path: Artifact | StrPath,
    name: str | None = None,
    type: str | None = None,
    aliases: list[str] | None = None,
    tags: list[str] | None = None,
) -> Artifact:
    """As Run.log_artifact of the active run. Raises UsageError if there is none."""
    return require_run("log_artifact").log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    artifact_or_name: str | Artifact,
    type: str | None = None,
    aliases: list[str] | None = None,
    use_as: str | None = None,
) -> Artifact:
    """As Run.use_artifact of the active run. Raises UsageError if there is none."""
    return require_run("use_artifact").use_artifact(artifact_or_name, type, aliases, use_as)


def link_model(
    path: StrPath,
    registered_model_name: str,
    name: str | None = None,
    aliases: list[str] | None = None,
) -> None:
    """As Run.link_model of the active run. Raises UsageError if there is none."""
    require_run("link_model").link_model(path, registered_model_name, name, aliases)


def log_model(path: StrPath, name: str | None = None, aliases: list[str] | None = None) -> None:
    """As Run.log_model of the active run. Raises UsageError if there is none."""
    require_run("log_model").log_model(path, name, aliases)


def use_model(name: str) -> str:
    """As Run.use_model of the active run. Raises UsageError if there is none."""
    return require_run("use_model").use_model(name)


def require(
    requirement: str | Iterable[str] | None = None,
    experiment: str | Iterable[str] | None = None,
) -> None:
    """Nothing: whatever W&B's users have to ask for is there, or is not."""


def setup(settings: Settings | None = None) -> Settings:
    """The settings with which the next run begins: there is no process to be set up before."""
    return settings or Settings.load()


def teardown(exit_code: int | None = None) -> None:
    """Finish the active run, if there is one: nothing else goes on."""
    finish(exit_code)


def termlog(
    string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True
) -> None:
    """Say it to whoever listens to this package's log, with `repeat=False` once."""
    _say(logging.INFO, string, repeat=repeat)


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """As `termlog`, as a warning."""
    _say(logging.WARNING, string, repeat=repeat)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """As `termlog`, as an error."""
    _say(logging.ERROR, string, repeat=repeat)


def _say(level: int, text: str, *, repeat: bool) -> None:
    if repeat or text not in _told:
        _told.add(text)
        _log.log(level, "%s", text)


class _Before:
    """What is asked for before there is a run."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    _name: str

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        raise self._refusal()

    def __setitem__(self, key: str, value: object) -> None:
        raise self._refusal()

    def __getattr__(self, key: str) -> Any:  # noqa: ANN401
        if key.startswith("__"):  # what inspection and copying look for
            raise AttributeError(key)
        raise self._refusal()

    def __setattr__(self, key: str, value: object) -> None:
        raise self._refusal()

    def _refusal(self) -> UsageError:
        return UsageError(f"You must call artifacts.init() before artifacts.{self._name}")


def active_config() -> Config | _Before:
    """That of the active run, in a forked child its parent's.

    Without one, whatever is asked of it raises UsageError.
    """
    run = known_run()
    return _Before("config") if run is None else run.config


def active_summary() -> Summary | _Before:
    """Likewise."""
    run = known_run()
    return _Before("summary") if run is None else run.summary
