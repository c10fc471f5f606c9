"""Writer: what a run says, on this machine at once and in the store soon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from artifacts.catalog import Session

Policy: TypeAlias = Literal["live", "now", "end"]
"""When a file of the run is stored: whenever it changed, at once, when the run is over."""


class Writer:
    """Returns at once, whatever the store does. Any number of threads may call it.

    What it was told outlives the process: it lies in a journal in `folder`, which a thread
    delivers to the store; what a killed process left is delivered by whoever comes next.
    """

    def __init__(
        self,
        session: Session,
        id: str,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        step: int = 0,
        is_offline: bool = False,
    ) -> None:
        """Starts the run, or starts it again from `step` on. `folder` is of this start alone.

        Offline nothing is stored: `sync` does, when it is told to.
        """
        raise NotImplementedError

    def row(self, step: int, values: dict[str, Any]) -> None:
        """A row of `history`: numbers, text, booleans, lists and dicts of them by str keys."""
        raise NotImplementedError

    def line(self, stream: str, values: dict[str, Any]) -> None:
        """A row of another stream."""
        raise NotImplementedError

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """A change of the run's log (docs/format.md, Run). Those of one kind may be told as one."""
        raise NotImplementedError

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        """As `note`; in the store when this returns, where that answers at once."""
        raise NotImplementedError

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        """A file of the run. One that is gone when its turn comes is passed by."""
        raise NotImplementedError

    def flush(self) -> None:
        """All that was said is in the store. Raises StorageError; then it waits in the journal."""
        raise NotImplementedError

    def close(self, exit_code: int = 0, state: str | None = None) -> bool:
        """The run is over. Whether all of it is in the store; if not, it waits in the journal."""
        raise NotImplementedError
