"""Run: the fold of a run's log takes each record once, whoever tells it, and refuses nonsense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from artifacts.catalog import Catalog, RunState
from artifacts.errors import MalformedError, UnknownEventError
from artifacts.storage import Checkpoints, Fold, Proposal
from catalog.commits import new_store

ONE, OTHER, THIRD = "1" * 32, "2" * 32, "3" * 32
BLOB = f"blobs/{'0' * 64}"
START = {"kind": "started", "id": "abc", "path": "team/proj/abc"}


@pytest.fixture
def run() -> Fold[RunState]:
    return Catalog(new_store()).run_to_write("team", "proj", "abc")


def delivered(journal: str, start: int, end: int) -> Mapping[str, Any]:
    return {"kind": "delivered", "journal": journal, "from": start, "to": end}


def started(time: float, step: int = 0, **facts: object) -> Mapping[str, Any]:
    return {**START, "time": time, "step": step, **facts}


def segment(first: int, last: int, blob: str = BLOB) -> Mapping[str, Any]:
    said = {"stream": "history", "segment": blob, "format": "jsonl", "size": 9}
    return {"kind": "rows", **said, "rows": last - first + 1, "first": first, "last": last}


def append(run: Fold[RunState], *changes: Mapping[str, Any], epoch: int = 0) -> RunState:
    run.append(Proposal(changes, epoch=epoch))
    return run.state


def test_what_was_told_already_comes_to_nothing(run: Fold[RunState]) -> None:
    append(run, delivered(ONE, 0, 5), started(1.0), segment(0, 4))
    append(run, delivered(ONE, 0, 5), started(1.0), segment(0, 4))
    append(run, delivered(ONE, 4, 9), segment(4, 8))

    assert len(run.state.segments["history"]) == 1
    assert run.state.journals.delivered == {ONE: 5}
    assert append(run, delivered(ONE, 5, 6), segment(5, 5)).last_step == 5


def test_of_a_superseded_journal_rows_before_the_successor_count(run: Fold[RunState]) -> None:
    append(run, delivered(ONE, 0, 5), started(1.0, name="one"))
    append(run, delivered(OTHER, 0, 1), started(2.0, step=4, name="other"))

    append(run, delivered(ONE, 5, 20), segment(0, 9), {"kind": "facts", "name": "zombie"})
    append(run, delivered(ONE, 20, 21), {"kind": "finished", "state": "failed", "exit_code": 1})

    assert run.state.last_step == 3
    assert (run.state.facts["name"], run.state.told_state) == ("other", "running")


def test_a_journal_that_began_before_is_superseded_though_it_is_told_later(
    run: Fold[RunState],
) -> None:
    append(run, delivered(OTHER, 0, 1), started(2.0, step=4, name="other"))

    append(run, delivered(ONE, 0, 9), started(1.0, name="one"), segment(0, 9))

    assert run.state.journals.own == OTHER
    assert (run.state.facts["name"], run.state.last_step) == ("other", 3)


def test_who_saw_another_begin_comes_after_it_whatever_the_clocks_say(run: Fold[RunState]) -> None:
    append(run, delivered(ONE, 0, 9), started(600.0), segment(0, 4))
    append(run, delivered(OTHER, 0, 1), started(2.0, step=5, after=ONE))
    append(run, delivered(THIRD, 0, 1), started(1.0, step=8, after=OTHER))

    append(run, delivered(ONE, 9, 10), {"kind": "finished", "state": "failed", "exit_code": 1})
    append(run, delivered(OTHER, 1, 9), segment(5, 12))
    loaded = RunState.load(run.state.save(), Checkpoints(run.log.store, None))

    assert run.state.journals.own == loaded.journals.own == THIRD
    assert (run.state.told_state, run.state.last_step) == ("running", 7)
    assert "after" not in run.state.facts


def test_below_the_fence_nothing_is_named_and_nothing_counts_as_told(run: Fold[RunState]) -> None:
    append(run, delivered(ONE, 0, 1), started(1.0))
    append(run, {"kind": "fenced", "epoch": 3}, epoch=3)

    append(run, delivered(ONE, 1, 5), segment(0, 4), epoch=2)
    assert run.state.journals.delivered == {ONE: 1}
    assert [*run.state.names()] == []
    append(run, delivered(ONE, 1, 2), {"kind": "summary", "set": {"x": 1}}, epoch=2)
    assert run.state.summary == {"x": 1}

    assert append(run, delivered(ONE, 2, 5), segment(0, 4), epoch=3).last_step == 4


def test_segments_are_replaced_only_where_they_all_are(run: Fold[RunState]) -> None:
    blobs = [f"blobs/{digit * 64}" for digit in "1234"]
    append(run, *(segment(step, step, blob) for step, blob in enumerate(blobs[:3])))
    new = {key: value for key, value in segment(0, 2, blobs[3]).items() if key != "kind"}
    wrong = {"kind": "compacted", "stream": "history", "from": blobs[1::-1], "to": [new]}
    right = {**wrong, "from": blobs[:3]}

    assert len(append(run, wrong).segments["history"]) == 3
    assert [str(name) for name in append(run, right).names()] == [blobs[3]]
    assert len(append(run, right).segments["history"]) == 1


def test_what_was_made_few_before_a_rewind_comes_to_nothing_after_it(run: Fold[RunState]) -> None:
    blobs = [f"blobs/{digit * 64}" for digit in "123"]
    append(run, segment(0, 4, blobs[0]), segment(5, 9, blobs[1]))
    new = {key: value for key, value in segment(0, 9, blobs[2]).items() if key != "kind"}
    few = {"kind": "compacted", "stream": "history", "from": blobs[:2], "to": [new]}

    append(run, {"kind": "rewound", "step": 7}, {**few, "until": [None, None]})
    assert run.state.last_step == 7
    assert len(run.state.segments["history"]) == 2

    append(run, {**few, "until": [7, 7], "to": [{**new, "last": 7}]})
    assert [str(name) for name in run.state.names()] == [blobs[2]]


def test_a_run_begun_anew_has_no_rows_of_before_whoever_made_them_few_meanwhile(
    run: Fold[RunState],
) -> None:
    blobs = [f"blobs/{digit * 64}" for digit in "1234"]
    append(run, started(1.0, config={"lr": 1, "old": 1}), *map(segment, (0, 5), (4, 9), blobs))
    said = {"set": {"x": 1}, "steps": {"x": 2}, "nested": {"a.b": ["a", "b"]}}
    append(run, {"kind": "summary", **said}, {"kind": "metric", "name": "x"})
    new = {key: value for key, value in segment(0, 9, blobs[2]).items() if key != "kind"}
    few = {"kind": "compacted", "stream": "history", "from": blobs[:2], "to": [new]}

    append(run, few)
    append(run, started(2.0, config={"lr": 2}), {"kind": "anew", "config": ["lr"]})
    append(run, few, segment(0, 0, blobs[3]))

    state = run.state
    assert [str(name) for name in state.names()] == [blobs[3]]
    assert (state.config, state.summary, state.metrics) == ({"lr": 2}, {}, {})
    assert (state.by_hand, state.nested) == ({}, {})


def test_what_a_checkpoint_keeps_is_the_state(run: Fold[RunState]) -> None:
    append(run, delivered(ONE, 0, 1), started(1.0, config={"lr": 1}), segment(0, 4))
    append(run, {"kind": "file", "name": "f", "blob": BLOB, "size": 3})
    append(run, {"kind": "rewound", "step": 2}, {"kind": "alert", "title": "hot"})
    said = {"set": {"x": 1}, "steps": {"x": 2}, "nested": {"a.b": ["a", "b"]}}
    append(run, {"kind": "summary", **said})

    loaded = RunState.load(run.state.save(), Checkpoints(run.log.store, None))

    assert loaded.save() == run.state.save()
    assert loaded.last_step == 2


def test_a_deleted_run_needs_nothing(run: Fold[RunState]) -> None:
    append(run, dict(START), segment(0, 4), {"kind": "deleted"})

    assert run.state.is_deleted
    assert [*run.state.names()] == []


def test_a_deleted_run_takes_nothing_in_and_begins_again_with_nothing(run: Fold[RunState]) -> None:
    told: list[Mapping[str, Any]] = [
        {"kind": "config", "set": {"lr": 1}},
        {"kind": "alert", "title": "hot"},
    ]
    append(run, delivered(ONE, 0, 5), started(600.0, name="one"), segment(0, 4), *told)
    append(run, {"kind": "deleted"})
    file = {"kind": "file", "name": "f", "blob": BLOB, "size": 3}
    append(run, delivered(ONE, 5, 9), segment(5, 8), file, *told)
    append(run, delivered(OTHER, 0, 1), started(2.0))
    append(run, delivered(ONE, 9, 12), {**segment(0, 1), "stream": "system"}, file, *told)

    state = RunState.load(run.state.save(), Checkpoints(run.log.store, None))

    assert (state.is_deleted, state.journals.own) == (False, OTHER)
    assert [*state.names()] == []
    assert (state.config, state.alerts, state.facts.get("name")) == ({}, [], None)
    assert append(run, delivered(OTHER, 1, 3), segment(0, 1)).last_step == 1


@pytest.mark.parametrize(
    "change",
    [
        delivered("no id", 0, 1),
        delivered(ONE, -1, 1),
        segment(0, 4, "blobs/no digest"),
        segment(0, 4, f"pages/{'0' * 64}"),
        {**segment(0, 4), "format": "pickle"},
        {**segment(0, 4), "first": "zero"},
        {"kind": "config", "set": [1]},
        {"kind": "file", "name": 1, "blob": BLOB, "size": 1},
        {"kind": "finished", "state": 1, "exit_code": 0},
        {"kind": "compacted", "stream": "history", "from": [], "to": [1]},
        {"kind": "summary", "steps": ["a"]},
        {"kind": "summary", "steps": {"a": -1}},
        {"kind": "summary", "nested": {"a.b": "a"}},
        {"kind": "summary", "nested": {"a.b": [1]}},
        {"kind": "anew", "config": "lr"},
        {"kind": "anew", "config": [1]},
        {"kind": "compacted", "stream": "history", "from": [BLOB], "until": [], "to": []},
        {"kind": "compacted", "stream": "history", "from": [BLOB], "until": ["1"], "to": []},
    ],
)
def test_what_no_run_would_say_is_refused(run: Fold[RunState], change: Mapping[str, Any]) -> None:
    with pytest.raises(MalformedError):
        append(run, change)


@pytest.mark.parametrize("time", [1e300, -1e300, 10**400, float("nan"), float("inf"), "1", True])
@pytest.mark.parametrize("start", [0, 5])
def test_a_time_without_a_date_is_refused_before_it_is_in_the_log(
    run: Fold[RunState], time: float, start: int
) -> None:
    append(run, delivered(ONE, 0, 5), started(1.0))
    file = {"kind": "file", "name": "f", "blob": BLOB, "size": 1, "time": time}

    with pytest.raises(MalformedError):
        append(run, delivered(ONE, 5, 6), file)
    with pytest.raises(MalformedError):
        append(run, delivered(OTHER, start, 6), {**START, "time": time, "step": 0})

    assert run.refresh().state.files == {}


def test_a_change_of_a_newer_software_stops_readers(run: Fold[RunState]) -> None:
    with pytest.raises(UnknownEventError):
        append(run, {"kind": "teleported"})
