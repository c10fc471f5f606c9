"""Keeping: files of a run, its code, and what it calls out."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from artifacts.artifact import Artifact, StrPath
from artifacts.catalog import Session
from artifacts.errors import ArtifactsError, InvalidError
from artifacts.runs.alerts import AlertLevel, Alerts
from artifacts.runs.capture import Program
from artifacts.runs.delivery.watching import Policy
from artifacts.runs.held import Start
from artifacts.runs.listing.finding import find_run
from artifacts.runs.models import Models, Watched
from artifacts.runs.recorded import Recorded
from artifacts.runs.saved import (
    check_policy,
    files_of,
    is_ignored,
    match_files,
    open_restored,
    place_of,
    restore_file,
    show_in,
)
from artifacts.runs.sinks import sinks_of
from artifacts.runs.source import Wanted, code_artifact, code_name, is_code, is_wandb_folder

_OF_MODEL = ("named_parameters", "register_forward_hook")
_OF_GRAPH = (*_OF_MODEL, "named_modules", "register_forward_pre_hook")
_WATCHED = ("gradients", "parameters", "all", None)
_log = logging.getLogger(__name__)


class Keeping(Recorded):
    """What a run keeps beside its rows and artifacts."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._saved: set[str] = set()  # names of files, by `save`
        self._models = Models(lambda values: self.log(values, commit=False))
        self._alerts = Alerts(self.path, sinks_of(self.settings))
        self._alerts.start(self._diary)

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Tell somebody at once: the run's log, and where `alert_…` settings say. Never waits.

        One of the same title within `wait_duration`, a minute by default, is held back. Raises
        ValueError for another level than INFO, WARN and ERROR, TypeError for another duration.
        """
        self._refuse_finished("alert")
        self._alerts.alert(title, text, level, wait_duration)

    def save(
        self,
        glob_str: StrPath | bytes | None = None,
        base_path: StrPath | None = None,
        policy: Policy = "live",
    ) -> bool | list[str]:
        """Keep files that a pattern matches now: whenever they change, now, or at the end.

        A file is called by its path below `base_path`, by default the working folder; of an
        absolute pattern one folder is kept. A folder is kept with all that is in it. Returns where
        each match is to be seen in the run's folder. Raises ValueError for another policy, and for
        a pattern that leads above the base path.
        """
        self._refuse_finished("save")
        if glob_str is None:
            _log.warning("save without a pattern does nothing: files in the run's folder are kept")
            return True
        policy, folder = check_policy(policy), Path(self.dir)
        found = match_files(glob_str, base_path)
        for file in (file for each in found for file in files_of(each)):
            show_in(folder, file, is_linked=self.settings.symlink)
            if not is_ignored(file.name, self.settings.ignore_globs):
                self._saved.add(file.name)
                self._diary.file(file.name, file.source, policy)
        return [str(folder / each.name) for each in found]

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | None = None,
    ) -> TextIO | None:
        """Bring back a file of this run, or of another; opened to be read. None if it has none.

        It goes below `root`, by default the run's folder; what lies there already is opened as it
        is, unless `replace`. Raises InvalidError, a ValueError, for a bad name and for replacing
        what is neither a file nor a link, RunNotFoundError.
        """
        self._refuse_finished("restore")
        if run_path is None:
            self._diary.flush()
        return restore(self._session, name, run_path or self.path, Path(root or self.dir), replace)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Wanted = is_code,
        exclude_fn: Wanted = is_wandb_folder,
    ) -> Artifact | None:
        """Log the code below a folder as an artifact of type `code`; None if there is none.

        It is called source-PROJECT-ENTRYPOINT, unless it is given a name. Both functions take
        a path, and the root if they take two; a file is in it if one says so and the other not.
        """
        self._refuse_finished("log_code")
        folder = Path(root or self.settings.code_dir or ".")
        if name is None:
            entrypoint = self.settings.program_relpath or Program.current().path_below(Path.cwd())
            name = code_name(self.project, entrypoint)
        artifact = code_artifact(folder, name, include_fn, exclude_fn)
        if artifact is None:
            _log.warning("log_code: no file below %s is wanted, so nothing is logged", folder)
            return None
        return self.log_artifact(artifact)

    def mark_preempting(self) -> None:
        """The machine is about to be taken away: if the run fails now, it was preempted."""
        self._refuse_finished("mark_preempting")
        self._is_preempting = True
        self._diary.note("preempting", {})
        try:
            self._diary.flush()
        except ArtifactsError as error:  # it waits in the journal
            _log.warning("that the run is preempted is not in the store yet: %s", error)

    def watch(
        self,
        models: object,
        criterion: Any = None,  # noqa: ANN401
        log: Watched | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Log histograms of gradients or parameters of torch's models at each `log_freq`-th pass.

        They are in the row that is logged next, until the run is over or `unwatch` is called. With
        `log_graph` the layers of each model's first pass are a file of the run, which the summary
        names. Raises ValueError for another `log` and for a model that is watched already,
        TypeError for what is no model.
        """
        self._refuse_finished("watch")
        if log not in _WATCHED:
            wanted = "gradients, parameters, all or None"
            raise InvalidError(f"watch: log is {log!r}, expected {wanted}")
        listed = models if isinstance(models, list | tuple) else (models,)
        for model in listed:
            if not all(hasattr(model, name) for name in (_OF_GRAPH if log_graph else _OF_MODEL)):
                raise TypeError(f"watch wants a torch.nn.Module, not a {type(model).__name__}")
        for at, model in enumerate(listed):
            if log is not None or log_graph:
                number = None if idx is None else idx + at
                keep = self._keep_graph if log_graph else None
                self._models.watch(model, log, log_freq, number, keep)

    def _keep_graph(self, name: str, graph: dict[str, Any]) -> None:
        """Among a pass of the model, which nothing here ends."""
        if self._is_finished:
            return
        data = json.dumps(graph).encode()
        place = f"media/graph/{name}.graph.json"
        path = Path(self.dir, place)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            _log.warning("watch: the graph is not kept: %s", error)
            return
        self._saved.add(place)
        self._diary.file(place, path)
        said = {"path": place, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        self.summary[name] = {"_type": "graph-file", **said}

    def _label(
        self,
        code: str | None = None,
        repo: str | None = None,
        code_version: str | None = None,
        **kwargs: str,
    ) -> None:
        """Nothing: by it W&B counts the libraries that call it, as that of Hugging Face does."""

    def unwatch(self, models: object = None) -> None:
        """Log no more of them, or of any."""
        listed = [*models] if isinstance(models, list | tuple) else [models]
        self._models.unwatch(None if models is None else listed)


def restore(session: Session, name: str, run_path: str, root: Path, replace: bool) -> TextIO | None:
    """As `Keeping.restore`, without a run of one's own."""
    path = place_of(root, name)
    if replace or not path.exists():
        found = find_run(session, run_path)
        file = found.state.files.get(name)
        if file is None:
            return None
        if os.path.lexists(path) and not (path.is_symlink() or path.is_file()):
            raise InvalidError(f"{path} is no file, so it stays: restore below another root")
        restore_file(found.store, file, path)
    return open_restored(path)
