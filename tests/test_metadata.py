"""Metadata: what comes out is what JSON gives back, and nothing is shared with what went in."""

import copy
import json
import math
from collections import UserDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum, IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.errors import InvalidError
from artifacts.metadata import check_metadata


class Colour(str, Enum):  # noqa: UP042 - unlike StrEnum, its str() is not its value
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass(frozen=True)
class Tensor:
    """Gives its members as an array of any library does."""

    members: list[float]

    def tolist(self) -> list[float]:
        return self.members


@dataclass(frozen=True)
class Scalar:
    """Gives its number as a scalar of any library does."""

    number: float

    def item(self) -> float:
        return self.number


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    atoms | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
python_values = st.recursive(
    atoms | texts | st.just(math.nan) | st.dates() | st.sets(st.integers() | texts, max_size=3),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner),
    max_leaves=10,
)


@given(st.dictionaries(texts, json_values, max_size=9))
def test_json_is_left_alone(metadata: dict[str, Any]) -> None:
    assert check_metadata(metadata) == metadata


@given(st.dictionaries(texts | st.integers(), python_values, max_size=9))
def test_result_survives_json(metadata: dict[Any, Any]) -> None:
    try:
        plain = check_metadata(metadata)
    except InvalidError:  # 1 and "1" are one key
        return
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert check_metadata(plain) == plain


@given(st.dictionaries(texts, json_values, max_size=9))
def test_nothing_is_shared_with_the_argument(metadata: dict[str, Any]) -> None:
    before = copy.deepcopy(metadata)
    plain = check_metadata(metadata)

    for value in [plain, *plain.values()]:
        if isinstance(value, dict | list):
            value.clear()

    assert metadata == before


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        ((1, (2,)), [1, [2]]),
        ({3, 10, 2}, [2, 3, 10]),
        (frozenset({"b", 1, None}), ["b", 1, None]),
        ({(2, 1), (1, 2)}, [[1, 2], [2, 1]]),
        (UserDict(a=1), {"a": 1}),
        ({1: "int", 1.5: "float", None: "none"}, {"1": "int", "1.5": "float", "null": "none"}),
        ({True: "bool", date(2025, 1, 2): "date"}, {"true": "bool", "2025-01-02": "date"}),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (datetime(2025, 1, 2, 3, 4, tzinfo=UTC), "2025-01-02T03:04:00+00:00"),
        (date(2025, 1, 2), "2025-01-02"),
        (time(3, 4), "03:04:00"),
        (Tensor([1.0, math.nan]), [1.0, None]),
        (Scalar(0.5), 0.5),
        ({Scalar(1): Tensor([])}, {"1": []}),
    ],
)
def test_value_becomes_plain(value: object, expected: object) -> None:
    [plain] = check_metadata({"key": value}).values()
    assert (type(plain), plain) == (type(expected), expected)


def test_numpy_becomes_plain() -> None:
    np = pytest.importorskip("numpy")
    metadata = {
        "float64": np.float64("nan"),
        "float32": np.float32(0.5),
        "int": np.int64(7),
        "bool": np.bool_(1),
        "text": np.str_("text"),
        "array": np.array([[1, 2], [3, 4]]),
        "scalar": np.array(2),
        "date": np.datetime64("2025-01-02"),
        np.int64(1): [],
    }

    assert json.dumps(check_metadata(metadata)) == (
        '{"float64": null, "float32": 0.5, "int": 7, "bool": true, "text": "text", '
        '"array": [[1, 2], [3, 4]], "scalar": 2, "date": "2025-01-02", "1": []}'
    )


def test_none_is_empty() -> None:
    assert check_metadata(None) == {}


@pytest.mark.parametrize("value", [[], "text", 3, [("a", 1)]])
def test_anything_but_a_dict_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="metadata must be dict"):
        check_metadata(value)


@pytest.mark.parametrize("value", [object(), b"bytes", 1j, lambda: None, range(3)])
def test_what_json_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"metadata\['a'\]\['b'\]\[1\] is a"):
        check_metadata({"a": {"b": [0, value]}})


@pytest.mark.parametrize("value", [math.inf, -math.inf, Scalar(math.inf), Tensor([math.inf])])
def test_infinity_is_refused(value: object) -> None:
    with pytest.raises(InvalidError, match="no infinities"):
        check_metadata({"loss": value})


@pytest.mark.parametrize("metadata", [{"a": "\ud800"}, {"\ud800": 1}])
def test_text_that_is_not_utf8_is_refused(metadata: object) -> None:
    with pytest.raises(InvalidError, match="not UTF-8"):
        check_metadata(metadata)


def test_two_keys_of_one_text_are_refused() -> None:
    with pytest.raises(InvalidError, match="both written '1'"):
        check_metadata({1: "a", "1": "b"})


def test_metadata_that_contains_itself_is_refused() -> None:
    metadata: dict[str, object] = {}
    metadata["self"] = metadata
    with pytest.raises(InvalidError, match="contains itself"):
        check_metadata(metadata)


def test_a_hundred_keys_are_the_most() -> None:
    hundred = {str(n): n for n in range(100)}
    assert check_metadata(hundred) == hundred
    with pytest.raises(InvalidError, match="101 keys"):
        check_metadata(hundred | {"one more": 1})
