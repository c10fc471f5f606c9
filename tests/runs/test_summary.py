"""Summary: one value for each key, by what was logged last and by hand."""

from __future__ import annotations

import copy
from threading import RLock

import pytest

from artifacts.runs.metrics import Metric, Metrics
from artifacts.runs.summary import Summary
from artifacts.runs.summary_fold import SummaryFold


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def fold() -> SummaryFold:
    return SummaryFold(Metrics(), RLock())


@pytest.fixture
def summary(fold: SummaryFold, told: list[str]) -> Summary:
    return Summary(fold, told.append)


def test_members_are_items_and_attributes(summary: Summary, told: list[str]) -> None:
    summary["a"] = 1
    summary.b = 2
    summary.update({"c": 3, "d": {"e": 4}})

    assert (summary.a, summary["b"], summary.get("c"), summary.d.e) == (1, 2, 3, 4)
    assert summary.keys() == ["a", "b", "c", "d"]
    assert dict(summary) == {"a": 1, "b": 2, "c": 3, "d": summary.d}
    assert told == ["a", "b", "c", "d"]
    assert "a" in summary
    assert len(summary) == 4


def test_what_is_not_there_is_an_error_as_everywhere(summary: Summary) -> None:
    with pytest.raises(KeyError):
        summary["a"]
    with pytest.raises(AttributeError):
        _ = summary.a
    assert summary.get("a") is None
    assert summary.get("a", 5) == 5
    assert copy.copy(summary.get("a", {})) == {}


def test_nested_member_is_changed_in_place(summary: Summary, told: list[str]) -> None:
    summary["a"] = {"b": {"c": 1}}
    summary["a"]["b"]["d"] = 2
    summary.a.b.update({"c": 3, "e": {"f": 4}})
    del summary.a.b["d"]

    assert repr(summary) == repr({"a": {"b": {"c": 3, "e": {"f": 4}}}})
    assert set(told) == {"a"}
    assert len(told) == 5


def test_update_is_deep(summary: Summary) -> None:
    summary.update({"a": {"b": 1, "c": 2}})
    summary.update({"a": {"c": 3}})
    summary.update({"h": {"_type": "histogram", "bins": [1]}})
    summary.update({"h": {"_type": "histogram", "values": [1]}})

    assert repr(summary) == repr(
        {"a": {"b": 1, "c": 3}, "h": {"_type": "histogram", "values": [1]}}
    )


def test_member_is_deleted(summary: Summary, told: list[str]) -> None:
    summary["a"] = 1
    del summary["a"]

    assert "a" not in summary
    assert told == ["a", "a"]
    with pytest.raises(KeyError):
        del summary["a"]


def test_what_cannot_be_logged_cannot_be_set(summary: Summary) -> None:
    with pytest.raises(TypeError, match=r"summary\['a'\] is of type object"):
        summary["a"] = object()


def test_value_set_by_hand_stays_until_the_key_is_logged(
    summary: Summary, fold: SummaryFold
) -> None:
    fold.take({"a": 1, "b": 1}, is_last=True)
    summary["a"] = 9
    fold.take({"b": 2}, is_last=True)
    assert (summary.a, summary.b) == (9, 2)
    fold.take({"a": 3}, is_last=True)
    assert summary.a == 3


def test_setting_by_hand_begins_what_is_added_up_anew() -> None:
    metrics = Metrics()
    metrics.add(Metric.define(name="a", summary="min"))
    fold = SummaryFold(metrics, RLock())
    summary = Summary(fold, lambda _: None)
    fold.take({"a": 1}, is_last=True)
    summary["a"] = 0
    assert summary.a == 0
    fold.take({"a": 5}, is_last=True)

    assert summary.a["min"] == 5
