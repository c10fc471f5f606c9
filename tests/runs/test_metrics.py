"""Metrics: what is said of a key holds for it, and nothing else can be said."""

from __future__ import annotations

import math
from threading import RLock
from typing import Any

import pytest

from artifacts.errors import ArtifactsError
from artifacts.runs.metrics import Metric, Metrics
from artifacts.runs.summary_fold import SummaryFold


def metrics(*said: dict[str, Any]) -> Metrics:
    found = Metrics()
    for each in said:
        found.add(Metric.define(**each))
    return found


def summary_of(values: list[Any], late: Any = (), **said: Any) -> Any:  # noqa: ANN401
    """What the summary says of key `k` after those values."""
    fold = SummaryFold(metrics({"name": "k", **said}), RLock())
    for value in values:
        fold.take({"k": value}, is_last=True)
    for value in late:
        fold.take({"k": value}, is_last=False)
    return fold.values.get("k")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, 2.0),
        ({"summary": "min"}, {"min": 1.0}),
        ({"summary": "max"}, {"max": 6.0}),
        ({"summary": "mean"}, {"mean": 3.0}),
        ({"summary": "last"}, {"last": 2.0}),
        ({"summary": "first"}, {"first": 3.0}),
        ({"summary": "best"}, {"best": 1.0}),
        ({"summary": "best", "goal": "minimize"}, {"best": 1.0}),
        ({"summary": "best", "goal": "maximize"}, {"best": 6.0}),
        ({"summary": "copy"}, 2.0),
        ({"summary": "none"}, None),
        ({"summary": "min,MAX, mean"}, {"min": 1.0, "max": 6.0, "mean": 3.0}),
    ],
    ids=str,
)
def test_summary_is_as_it_was_defined(said: dict[str, str], expected: object) -> None:
    found = summary_of([3.0, 1.0, 6.0, 2.0], **said)

    assert (dict(found.items()) if isinstance(expected, dict) else found) == expected


def test_nan_and_text_add_nothing() -> None:
    found = summary_of([1.0, math.nan, "x", 3.0], summary="min,max,mean")

    assert dict(found.items()) == {"min": 1.0, "max": 3.0, "mean": 2.0}


def test_late_value_counts_but_is_not_the_last() -> None:
    found = summary_of([5.0, 4.0], late=(9.0,), summary="max,last")

    assert dict(found.items()) == {"max": 9.0, "last": 4.0}
    assert summary_of([5.0], late=(9.0,)) == 5.0


@pytest.mark.parametrize(
    "said",
    [
        {"name": ""},
        {"name": "a*b"},
        {"name": 3},
        {"name": "a", "summary": "median"},
        {"name": "a", "summary": 3},
        {"name": "a", "goal": "up"},
        {"name": "a", "hidden": "yes"},
        {"name": "a", "step_sync": 1.5},
        {"name": "a", "step_metric": 3},
        {"name": "a", "overwrite": "no"},
    ],
    ids=str,
)
def test_what_cannot_be_said_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises((ArtifactsError, ValueError), match="define_metric"):
        Metric.define(**said)


def test_exact_name_counts_before_a_glob_and_the_longest_of_those() -> None:
    found = metrics(
        {"name": "*", "step_metric": "a"},
        {"name": "train/*", "step_metric": "b"},
        {"name": "train/loss", "step_metric": "c"},
    )

    axes = [getattr(found.of(key), "step_metric", None) for key in ("x", "train/x", "train/loss")]
    assert axes == ["a", "b", "c"]
    assert found.of("_own") is None


def test_step_metric_may_be_a_metric_and_is_synchronized() -> None:
    epoch = Metric.define(name="epoch")
    found = Metric.define(name="loss", step_metric=epoch)

    assert (found.step_metric, found.step_sync) == ("epoch", True)
    assert Metric.define(name="loss", step_metric=epoch, step_sync=False).step_sync is False


def test_what_was_said_stays_unless_it_is_overwritten() -> None:
    found = metrics({"name": "a", "summary": "min", "hidden": True}, {"name": "a", "goal": "max"})
    assert found.of("a") == Metric("a", hidden=True, summary=("min",), goal="maximize")

    found.add(Metric.define(name="a", summary="max", overwrite=True))
    assert found.of("a") == Metric("a", summary=("max",), overwrite=True)


def test_facts_of_a_metric_make_it_again() -> None:
    metric = Metric.define(name="a*", step_metric="s", summary="min,max", goal="min", hidden=True)

    assert Metric.of(metric.facts()) == metric
    assert Metric.of({**metric.facts(), "later": 1}) == metric


def test_rows_lack_their_axes() -> None:
    found = metrics(
        {"name": "a", "step_metric": "s"}, {"name": "b", "step_metric": "t", "step_sync": False}
    )

    assert found.axes({"a": 1, "b": 1}) == ["s"]
    assert found.axes({"a": 1, "s": 1}) == []
