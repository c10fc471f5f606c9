"""Read back: what a run left in its store, as any other machine sees it."""

from __future__ import annotations

from typing import Any

from artifacts.catalog import RunState, Session
from artifacts.runs import Run
from artifacts.runs.delivery.writer import Writer
from artifacts.runs.diary import Diary
from artifacts.runs.rows.history import scan
from artifacts.settings import Settings


def state_of(run: Run) -> RunState:
    """Read anew."""
    fold = Session(Settings.load()).catalog.run(run.entity, run.project, run.id)
    assert fold is not None
    return fold.state


def writer_of(run: Run) -> Writer:
    """Begun, if it was not."""
    assert isinstance(run._diary, Diary)
    return run._diary.writer


def summary_of(run: Run) -> dict[str, Any]:
    """Without what each row says of itself, and what the run keeps there to go on with it."""
    own = ("_step", "_timestamp", "_runtime", "_wandb")
    return {key: value for key, value in state_of(run).summary.items() if key not in own}


def rows_of(run: Run) -> list[tuple[int, dict[str, Any]]]:
    """Step and values of each row, in order; without the times that the writer adds."""
    session = Session(Settings.load())
    rows = scan(state_of(run), session.catalog.store)
    return [
        (row["_step"], {key: value for key, value in row.items() if key[0] != "_"}) for row in rows
    ]
