"""Experiments: runs for the command to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import artifacts
from artifacts.runs import Run
from artifacts.runs.delivery.writer import Writer
from artifacts.runs.diary import Diary

QUIET = {
    "console": "off",
    "disable_git": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}


def begun(id_: str, **given: Any) -> Run:  # noqa: ANN401 - as `init`
    """Nothing but what the test logs is recorded of it."""
    return artifacts.init(id=id_, settings={**QUIET, "project": "proj"}, **given)


def logged(
    id_: str,
    rows: Sequence[Mapping[str, Any]] = ({"loss": 0.5}, {"loss": 0.25}),
    *,
    exit_code: int = 0,
    **given: Any,  # noqa: ANN401 - as `init`
) -> None:
    run = begun(id_, **given)
    for row in rows:
        run.log({**row})
    run.finish(exit_code)


def writer_of(run: Run) -> Writer:
    """For rows of other streams, and to have in the store at once what was logged."""
    diary = run._diary  # noqa: SLF001
    assert isinstance(diary, Diary)
    return diary.writer
