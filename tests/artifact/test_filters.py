"""Filters: written as MongoDB's, meant as MongoDB's."""

from __future__ import annotations

from typing import Any

import pytest

from artifacts.artifact import check_filter, matches
from artifacts.errors import InvalidError

FACTS = {
    "name": "net:v3",
    "tag": ["prod", "big"],
    "metadata": {"acc": 0.9, "lr.start": 1, "shape": [1, 2], "nested": {"deep": True}, "no": None},
}


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"name": "net:v3"},
        {"name": {"$regex": "^net"}},
        {"tag": "prod"},
        {"tag": {"$in": ["small", "big"]}},
        {"tag": {"$nin": ["small"]}},
        {"tag": ["prod", "big"]},
        {"metadata.acc": {"$gt": 0.5, "$lte": 0.9}},
        {"metadata.nested.deep": True},
        {"metadata.lr.start": 1},
        {"metadata.shape": 2},
        {"metadata.shape": {"$contains": 2}},
        {"metadata.missing": None},
        {"metadata.no": None},
        {"metadata.missing": {"$exists": False}},
        {"metadata.no": {"$exists": True}},
        {"metadata.acc": {"$not": {"$lt": 0.5}}},
        {"$or": [{"tag": "small"}, {"metadata.acc": 0.9}]},
        {"$and": [{"tag": "prod"}, {"tag": "big"}]},
        {"$nor": [{"tag": "small"}, {"name": "other"}]},
        {"tag": {"$ne": "small"}},
    ],
)
def test_what_is_so_matches(wanted: dict[str, Any]) -> None:
    assert matches(FACTS, check_filter(wanted))


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "net"},
        {"name": {"$regex": "v4"}},
        {"tag": {"$ne": "prod"}},
        {"tag": {"$nin": ["big"]}},
        {"metadata.acc": {"$gt": "0.5"}},
        {"metadata.nested.deep": 1},
        {"metadata.missing": {"$lt": 1}},
        {"metadata.acc": 0.9, "tag": "small"},
        {"$or": []},
        {"$nor": [{"tag": "prod"}]},
        {"name.more": "x"},
    ],
)
def test_what_is_not_so_does_not(wanted: dict[str, Any]) -> None:
    assert not matches(FACTS, check_filter(wanted))


@pytest.mark.parametrize(
    "wanted",
    [
        "name",
        {"$xor": []},
        {"$or": {"tag": "prod"}},
        {"$or": ["tag"]},
        {"tag": {"$like": "x"}},
        {"tag": {"$in": "prod"}},
        {"tag": {"$regex": "("}},
        {"tag": {"$not": {"$like": 1}}},
    ],
)
def test_what_is_no_filter_is_refused(wanted: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidError):
        check_filter(wanted)
