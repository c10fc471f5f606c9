"""Logbook: a run of a place of its own, written by the writer alone, and read from its store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artifacts.catalog import Catalog, RunState, Session
from artifacts.runs.delivery.sending import pace
from artifacts.runs.delivery.writer import Started, Writer
from artifacts.runs.rows.history import scan
from artifacts.settings import Settings
from artifacts.storage import LocalStore, ObjectStore

RUN = "abc"


def never(_batches: int) -> float:
    """A pace for tests that say themselves when a batch is due."""
    return 3600.0


class OverStore(Session):
    """A session whose store is given, whatever its settings say."""

    def __init__(self, settings: Settings, store: ObjectStore) -> None:
        super().__init__(settings)
        self._store = store

    @property
    def writable(self) -> Catalog:
        return Catalog(self._store)


@dataclass(frozen=True)
class Logbook:
    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            store=str(self.folder / "store"),
            entity="team",
            project="proj",
            cache_dir=self.folder / "cache",
            artifact_dir=self.folder / "artifacts",
        )

    @property
    def session(self) -> Session:
        return Session(self.settings)

    @property
    def store(self) -> LocalStore:
        return LocalStore(Path(self.settings.store))

    def place(self, number: int = 0) -> Path:
        """The folder of one start of the run."""
        return self.folder / f"start-{number}"

    def write(
        self,
        *,
        session: Session | None = None,
        number: int = 0,
        step: int = 0,
        is_offline: bool = False,
        is_timed: bool = False,
        facts: dict[str, Any] | None = None,
    ) -> Writer:
        return Writer.begin(
            session or self.session,
            self.place(number),
            Started(RUN, facts or {"name": "first"}, step),
            is_offline=is_offline,
            pace=pace if is_timed else never,
        )

    @property
    def state(self) -> RunState:
        """As whoever has the store alone sees it."""
        fold = self.session.catalog.run("team", "proj", RUN)
        assert fold is not None
        return fold.state

    @property
    def events(self) -> int:
        fold = self.session.catalog.run("team", "proj", RUN)
        return fold.tail.number if fold else 0

    def rows(self, **wanted: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as `scan`
        return [*scan(self.state, self.session.catalog.store, **wanted)]

    @property
    def steps(self) -> list[int]:
        return [row["_step"] for row in self.rows()]
