"""Diary: a run writes to its log alone as long as it can, and to nothing once it is over."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from artifact.samples import draft
from forks import done_by_fork

from artifacts import Settings, init
from artifacts.catalog import Session
from artifacts.errors import UnsupportedStoreError
from artifacts.runs import Run, find_run
from artifacts.runs.delivery.recovery import recover
from artifacts.runs.delivery.writer import Writer
from artifacts.runs.diary import Diary
from runs.read_back import state_of

pytestmark = pytest.mark.usefixtures("store")


def diary_of(run: Run) -> Diary:
    assert isinstance(run._diary, Diary)
    return run._diary


def pending(tmp_path: Path) -> list[Path]:
    return [*(tmp_path / "cache" / "pending").glob("*")]


def logs(run: Run) -> None:
    run.log_artifact(draft())


def logs_rows(run: Run) -> None:
    run.log({"x": 1})


@pytest.mark.parametrize("act", [logs, logs_rows])
def test_a_run_that_is_finished_hears_nothing_and_says_so_once(
    act: Callable[[Run], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with init() as run:
        act(run)
    ended = state_of(run)
    caplog.clear()

    run.summary["late"] = 1
    run.config["late"] = 1
    diary_of(run)._timer.function()  # it was just about to

    assert (run.summary["late"], run.config["late"]) == (1, 1)
    assert state_of(run).told_state == ended.told_state == "finished"
    assert (state_of(run).summary, state_of(run).config) == (ended.summary, ended.config)
    assert pending(tmp_path) == []
    told = f"run {run.id} is finished: what it is told now is not recorded"
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == [told]


@pytest.mark.local
def test_what_a_store_refuses_for_good_waits_in_the_journal() -> None:
    def refuse() -> None:
        raise UnsupportedStoreError("far", "it creates twice")

    def act() -> None:
        run = init(id="refused")
        logs(run)
        record = diary_of(run)._record
        assert record is not None
        record._check_writing = refuse
        with pytest.raises(UnsupportedStoreError):
            run.use_artifact("data:v0", use_as="input")
        assert diary_of(run).has_rows
        os.kill(os.getpid(), signal.SIGKILL)

    assert done_by_fork(act) == -signal.SIGKILL

    recover(Session(Settings.load()))

    found = find_run(Session(Settings.load()), "refused")
    assert [each["as"] for each in found.state.used] == ["input"]


def test_a_run_that_ends_while_its_writer_is_begun_is_finished_by_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    is_beginning, may_begin = Event(), Event()

    begin = Writer.begin

    def slow(*given: Any, **more: Any) -> Writer:  # noqa: ANN401 - as Writer.begin
        is_beginning.set()
        may_begin.wait()
        return begin(*given, **more)

    monkeypatch.setattr(Writer, "begin", slow)
    run = init()
    logs(run)
    timer, finishing = (Thread(target=each) for each in (diary_of(run)._timer.function, run.finish))
    timer.start()
    is_beginning.wait()
    finishing.start()
    finishing.join(0.3)
    may_begin.set()
    timer.join()
    finishing.join()

    assert state_of(run).told_state == "finished"
    assert diary_of(run).has_rows
    assert pending(tmp_path) == []
