"""SummaryFold: what is logged adds up to one value for each key, wherever its run was resumed."""

from __future__ import annotations

import math
from threading import RLock

import pytest

from artifacts.runs.metrics import Metric, Metrics
from artifacts.runs.summary_fold import SummaryFold


def test_nested_values_are_merged_by_their_paths() -> None:
    metrics = Metrics()
    metrics.add(Metric.define(name="a.c", summary="max"))
    fold = SummaryFold(metrics, RLock())
    for row in ({"a": {"b": 1, "c": 7}}, {"a": {"b": 2}}, {"a": {"c": 5}}):
        fold.take(row, is_last=True)

    assert repr(fold.values) == repr({"a": {"b": 2, "c": {"max": 7}}})


def test_resumed_summary_goes_on_with_what_it_added_up() -> None:
    def make() -> SummaryFold:
        metrics = Metrics()
        metrics.add(Metric.define(name="a", summary="mean,min"))
        return SummaryFold(metrics, RLock())

    first, second = make(), make()
    for value in (1.0, 2.0, 6.0):
        first.take({"a": value}, is_last=True)
    second.resume(first.told(), {})
    second.take({"a": 7.0}, is_last=True)

    assert second.values["a"] == {"mean": 4.0, "min": 1.0}


@pytest.mark.parametrize("wanted", ["min", "max", "mean", "best", "first", "last", "best,max"])
@pytest.mark.parametrize("goal", [None, "minimize", "maximize"])
def test_each_summary_is_the_same_wherever_its_run_was_resumed(
    wanted: str, goal: str | None
) -> None:
    def make() -> SummaryFold:
        metrics = Metrics()
        metrics.add(Metric.define(name="a", summary=wanted, goal=goal))
        return SummaryFold(metrics, RLock())

    values = (3.0, 1.0, 6.0, 2.0)
    whole = make()
    for value in values:
        whole.take({"a": value}, is_last=True)
    for cut in range(1, len(values)):
        first, second = make(), make()
        for value in values[:cut]:
            first.take({"a": value}, is_last=True)
        second.resume(first.told(), {})
        for value in values[cut:]:
            second.take({"a": value}, is_last=True)

        assert second.values == whole.values


def test_what_is_added_up_goes_on_after_a_number_that_json_has_not() -> None:
    metrics = Metrics()
    metrics.add(Metric.define(name="a", summary="min,max"))
    fold = SummaryFold(metrics, RLock())
    told = {"min": "-Infinity", "max": "Infinity"}
    fold.resume({"a": told, "_wandb": {"counts": {"a": 2}}}, {})

    fold.take({"a": 1.0}, is_last=True)

    assert fold.values == {"a": {"min": -math.inf, "max": math.inf}}
