"""Run: one execution of a program: what it logs, and what it makes of which artifacts."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from artifacts.artifact import use_session
from artifacts.runs.held import Start
from artifacts.runs.keeping import Keeping
from artifacts.runs.listener import Silent
from artifacts.runs.saved import is_ignored
from artifacts.runs.values import Plain


class Run(Keeping):
    """Made by `init`. What it uses and logs is recorded in a log of its own.

    As a context manager it is finished at the end, as failed if an exception ends it.
    """

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.ended: list[Callable[[], None]] = [self._alerts.stop, self._models.unwatch]
        """Called when the run is over."""
        self._session_in_use = use_session(self._out, self.log_artifact, self.link_artifact)
        start.undo.enter_context(self._session_in_use)
        self._config_items.listen(self._tell_config, self._use_in_config)

    @property
    def is_here(self) -> bool:
        """Whether this process began it."""
        return self._pid == os.getpid()

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """The run is over, and failed unless `exit_code` is 0 or None; again does nothing.

        What the run did is in the store when this returns. If the store does not take it, nothing
        is raised: a warning says so, and it waits in the run's folder for the next run on this
        machine, or `art sync`.
        """
        self.end(exit_code or 0, None)

    def join(self, exit_code: int | None = None) -> None:
        """As `finish`, by its old name."""
        self.finish(exit_code)

    def detach(self) -> None:
        """Nothing: no other process could go on with the run while this one has it."""

    def end(self, exit_code: int, error: BaseException | None) -> None:
        """Finish, and record the error that ended the run."""
        if self._is_finished or not self.is_here:
            return
        self._is_finished, self._is_open = True, False
        self._exit_code = exit_code
        with ExitStack() as last:  # all of it, in order, whatever fails
            for each in reversed(self.ended):
                last.callback(each)
            last.callback(self._session_in_use.__exit__, None, None, None)
            self._end_rows(exit_code, error)
            state = "preempted" if exit_code and self._is_preempting else None
            self._diary.close(exit_code, state)

    def _end_rows(self, exit_code: int, error: BaseException | None) -> None:
        with self._lock:
            self._steps.close()
            if self._capture is not None:
                self._capture.stop(exit_code, error)
            self._keep_folder()
            if self._diary.has_rows and len(self._summary):
                self._tell_summary()

    def _keep_folder(self) -> None:
        """Files that lie in the run's own folder are the run's."""
        root = self._start.folder / "files"
        ignored = self.settings.ignore_globs
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                place = path.relative_to(root).as_posix()
                if place not in self._saved and not is_ignored(place, ignored):
                    self._diary.file(place, path, "end")

    @property
    def has_failed(self) -> bool:
        """Whether it ended with another exit code than 0."""
        return self._exit_code != 0

    def _tell_config(self, members: dict[str, Plain]) -> None:
        self._diary.note("config", {"set": members})

    def leave(self) -> None:
        """In a forked child, which logs nothing to the run of its parent, and says so once."""
        self._is_open = False
        self._lock = RLock()  # the parent's may be held by a thread that is not here
        self._fold.lock = self._lock
        told = f"a forked process logs nothing to the run {self._id} of its parent"
        self._diary = Silent(told)
        self._alerts.start(self._diary)

    def __copy__(self) -> Self:
        """The run itself: there is one of it."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Likewise."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.end(0 if exc_type is None else 1, exc_val)

    def __repr__(self) -> str:
        return f"<Run {self.path}>"
