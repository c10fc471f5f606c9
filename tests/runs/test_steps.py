"""Steps: rows go forward only, and nothing that was logged is dropped."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.errors import InvalidError
from artifacts.runs import steps
from artifacts.runs.journal import line
from artifacts.runs.steps import Steps

Rows = list[tuple[int, dict[str, Any]]]


class Desk:
    """Steps, and the rows that they put."""

    def __init__(self, first: int = 0) -> None:
        self.rows: Rows = []
        self.steps = Steps(self.put, first)

    def put(self, step: int, row: dict[str, Any]) -> float:
        self.rows.append((step, {**row}))
        return float(len(self.rows))

    def log(
        self, values: dict[str, Any], step: int | None = None, *, commit: bool | None = None
    ) -> bool:
        return self.steps.add({**values}, step, commit)


def test_without_a_step_each_row_is_the_next() -> None:
    desk = Desk()
    for number in range(3):
        desk.log({"a": number})

    assert desk.rows == [(0, {"a": 0}), (1, {"a": 1}), (2, {"a": 2})]
    assert desk.steps.step == 3


def test_what_is_not_committed_waits_for_the_rest() -> None:
    desk = Desk()
    desk.log({"a": 1}, commit=False)
    assert desk.rows == []
    desk.log({"b": 2})

    assert desk.rows == [(0, {"a": 1, "b": 2})]


def test_greater_step_ends_the_open_row() -> None:
    desk = Desk()
    desk.log({"a": 1}, step=4)
    desk.log({"b": 2}, step=4)
    assert (desk.rows, desk.steps.step) == ([], 4)
    desk.log({"a": 3}, step=7)

    assert desk.rows == [(4, {"a": 1, "b": 2})]
    assert desk.steps.step == 7


def test_committed_step_is_over() -> None:
    desk = Desk()
    desk.log({"a": 1}, step=4, commit=True)

    assert (desk.rows, desk.steps.step) == ([(4, {"a": 1})], 5)


def test_row_without_a_step_adds_to_the_open_one_and_ends_it() -> None:
    desk = Desk()
    desk.log({"a": 1}, step=4)
    desk.log({"b": 2})

    assert desk.rows == [(4, {"a": 1, "b": 2})]


def test_late_row_is_kept_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(first=10)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            assert not desk.log({"late": number}, step=number)
    desk.log({"a": 1})

    assert desk.rows == [(0, {"late": 0}), (1, {"late": 1}), (2, {"late": 2}), (10, {"a": 1})]
    assert len(caplog.records) == 1
    assert "step 0 is over" in caplog.text


def test_late_row_leaves_the_open_one_open() -> None:
    desk = Desk()
    desk.log({"a": 1}, step=5)
    desk.log({"late": 1}, step=3, commit=True)
    desk.log({"b": 1}, step=5)
    desk.steps.close()

    assert desk.rows == [(3, {"late": 1}), (5, {"a": 1, "b": 1})]


def test_empty_row_moves_the_step_and_says_nothing() -> None:
    desk = Desk()
    desk.log({})
    desk.log({"a": 1})
    desk.steps.close()

    assert desk.rows == [(1, {"a": 1})]


calls = st.lists(st.tuples(st.none() | st.integers(0, 8), st.none() | st.booleans()), max_size=30)


@given(calls)
def test_everything_that_was_logged_is_in_one_row_and_steps_only_grow(
    made: list[tuple[int | None, bool | None]],
) -> None:
    desk, steps = Desk(), []
    for number, (step, commit) in enumerate(made):
        desk.log({str(number): number}, step, commit=commit)
        steps.append(desk.steps.step)
    desk.steps.close()

    keys = [key for _, row in desk.rows for key in row]
    assert sorted(keys, key=int) == [str(number) for number in range(len(made))]
    assert steps == sorted(steps)
    for row_step, row in desk.rows:
        for key in row:
            assert made[int(key)][0] in (None, row_step)


def test_what_would_make_a_row_too_long_is_refused_and_the_row_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (line, steps):
        monkeypatch.setattr(module, "MOST_ROW_BYTES", 100)
    desk = Desk()
    desk.log({"a": 1, "text": "x" * 60}, commit=False)

    with pytest.raises(InvalidError, match=r"'text' has 62"):
        desk.log({"more": "x" * 40})
    with pytest.raises(InvalidError):
        desk.log({"text": "x" * 100}, step=7)
    for _ in range(5):
        desk.log({"text": "y" * 60}, commit=False)
    desk.log({"b": 2})

    assert desk.rows == [(0, {"a": 1, "text": "y" * 60, "b": 2})]
