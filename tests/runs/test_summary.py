"""Summary: one value for each key, by what was logged last and by hand."""

from __future__ import annotations

import copy
from threading import RLock
from typing import Any

import pytest

from artifacts.runs.metrics import Metric, Metrics
from artifacts.runs.summary import Summary


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def summary(told: list[str]) -> Summary:
    return Summary(Metrics(), RLock(), told.append)


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
    with pytest.raises(TypeError, match=r"summary\['a'\] is a object"):
        summary["a"] = object()


def test_value_set_by_hand_stays_until_the_key_is_logged(summary: Summary) -> None:
    summary._take({"a": 1, "b": 1}, is_last=True)
    summary["a"] = 9
    summary._take({"b": 2}, is_last=True)
    assert (summary.a, summary.b) == (9, 2)
    summary._take({"a": 3}, is_last=True)
    assert summary.a == 3


def test_setting_by_hand_begins_what_is_added_up_anew() -> None:
    metrics = Metrics()
    metrics.add(Metric.define(name="a", summary="min"))
    summary = Summary(metrics, RLock(), lambda _: None)
    summary._take({"a": 1}, is_last=True)
    summary["a"] = 0
    assert summary.a == 0
    summary._take({"a": 5}, is_last=True)

    assert summary.a["min"] == 5


def test_nested_values_are_merged_by_their_paths() -> None:
    metrics = Metrics()
    metrics.add(Metric.define(name="a.c", summary="max"))
    summary = Summary(metrics, RLock(), lambda _: None)
    for row in ({"a": {"b": 1, "c": 7}}, {"a": {"b": 2}}, {"a": {"c": 5}}):
        summary._take(row, is_last=True)

    assert repr(summary) == repr({"a": {"b": 2, "c": {"max": 7}}})


def test_resumed_summary_goes_on_with_what_it_added_up() -> None:
    def make() -> Summary:
        metrics = Metrics()
        metrics.add(Metric.define(name="a", summary="mean,min"))
        return Summary(metrics, RLock(), lambda _: None)

    first, second = make(), make()
    for value in (1.0, 2.0, 6.0):
        first._take({"a": value}, is_last=True)
    saved: dict[str, Any] = first._as_dict()
    second._resume(saved, first._counts())
    second._take({"a": 7.0}, is_last=True)

    assert dict(second.a) == {"mean": 4.0, "min": 1.0}
