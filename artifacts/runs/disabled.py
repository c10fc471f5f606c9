"""Disabled: a run that has every member, and does nothing."""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from artifacts.artifact import Artifact, StrPath
from artifacts.catalog import Session
from artifacts.runs.alerts import AlertLevel
from artifacts.runs.delivery.watching import Policy
from artifacts.runs.held import Start
from artifacts.runs.listener import Listener, Silent
from artifacts.runs.models import Watched
from artifacts.runs.run import Run
from artifacts.runs.source import Wanted, is_code, is_wandb_folder
from artifacts.settings import Settings


class DisabledRun(Run):
    """Configuration and summary hold what they are told, as long as the process lasts.

    Artifacts are neither logged nor recorded as used; what is used is found all the same.
    """

    def _open_diary(self, start: Start) -> Listener:
        return Silent()

    def log(
        self,
        data: dict[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """The summary takes the values."""
        self._diary.warn()
        self._fold.values.update(data)

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> Artifact:
        """The artifact as it is; to wait for it takes no time."""
        return self._unlogged(artifact_or_path, name, type)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Likewise."""
        return self._unlogged(artifact_or_path, name, type)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Likewise."""
        return self._unlogged(artifact_or_path, name, type)

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: list[str] | None = None
    ) -> None:
        """Nothing."""

    def link_model(
        self,
        path: StrPath,
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> None:
        """Nothing."""

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Nothing."""

    def save(
        self,
        glob_str: StrPath | bytes | None = None,
        base_path: StrPath | None = None,
        policy: Policy = "live",
    ) -> bool | list[str]:
        """Nothing."""
        return False

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | None = None,
    ) -> TextIO | None:
        """Nothing."""
        return None

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Wanted = is_code,
        exclude_fn: Wanted = is_wandb_folder,
    ) -> Artifact | None:
        """Nothing."""
        return None

    def mark_preempting(self) -> None:
        """Nothing."""

    def watch(
        self,
        models: object,
        criterion: Any = None,  # noqa: ANN401
        log: Watched | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Nothing."""

    def _unlogged(self, given: Artifact | StrPath, name: str | None, kind: str | None) -> Artifact:
        if isinstance(given, Artifact):
            artifact = given
        else:
            artifact = Artifact(name or f"run-{self.id}-{Path(given).name}", kind or "unspecified")
        artifact.wait = lambda timeout=None: artifact  # type: ignore[method-assign]
        return artifact


def _elsewhere(
    settings: Settings,
    id_: str,
    folder: Path,
    facts: Mapping[str, Any],
    config: Mapping[str, Any],
) -> DisabledRun:
    run = DisabledRun(Start(Session(settings), id_, folder, "disabled", facts, config))
    run._session_in_use.__exit__(None, None, None)  # artifacts there are not this run's
    run._diary = Silent(f"run {id_} belongs to the process that began it: here nothing is logged")
    return run


def _reduced(run: Run) -> tuple[Any, ...]:
    """In another process a run has every member, and does nothing, which it says once."""
    start = run._start
    return _elsewhere, (run.settings, run.id, start.folder, run._facts, run.config.as_dict())


for _each in (Run, DisabledRun):
    copyreg.pickle(_each, _reduced)
