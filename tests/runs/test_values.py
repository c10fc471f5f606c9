"""Values: whatever may be logged becomes plain JSON, and what may not is named."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Any

import pytest

from artifacts.errors import InvalidError
from artifacts.runs.values import flat, friendly, histogram, plain

numpy = pytest.importorskip("numpy")


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    HIGH = 2


class Tensor:
    """As torch's: knows `tolist` and `detach`, and is of no type of ours."""

    def __init__(self, value: Any, shape: tuple[int, ...] = ()) -> None:  # noqa: ANN401
        self._value, self.shape = value, shape

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def tolist(self) -> Any:  # noqa: ANN401
        return self._value


class Picture:
    """A media object."""

    def row_value(self, files: Any, key: str, step: int) -> Mapping[str, Any]:  # noqa: ANN401
        files.keep("/there.png", f"media/{key}_{step}.png")
        return {"_type": "image-file", "path": f"media/{key}_{step}.png"}


class Kept:
    def __init__(self) -> None:
        self.names: list[str] = []

    def keep(self, path: str, name: str) -> None:
        self.names.append(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (1.5, 1.5),
        ("x", "x"),
        (None, None),
        (True, True),
        (Level.HIGH, 2),
        (numpy.float32(0.5), 0.5),
        (numpy.int64(3), 3),
        (numpy.bool_(True), True),  # noqa: FBT003
        (numpy.array(2.5), 2.5),
        (numpy.arange(3), [0, 1, 2]),
        (numpy.ones((2, 2)), [[1.0, 1.0], [1.0, 1.0]]),
        (Tensor(1.25), 1.25),
        (Tensor([1, 2], (2,)), [1, 2]),
        ((1, 2), [1, 2]),
        ({"a": {"b": (numpy.float64(1),)}}, {"a": {"b": [1.0]}}),
        ({3: 1}, {"3": 1}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (b"text", "text"),
        (math.sqrt, "math.sqrt"),
    ],
)
def test_value_is_plain(value: object, expected: object) -> None:
    found = plain(value, "key")

    assert found == expected
    assert type(found) is type(expected)


def test_nan_and_infinities_stay() -> None:
    assert math.isnan(plain(numpy.float64("nan"), "key"))
    assert plain(-math.inf, "key") == -math.inf


@pytest.mark.parametrize("value", [object(), Colour.RED, iter(())])
def test_what_has_no_form_is_named_with_its_key(value: object) -> None:
    told = (
        rf"^some\.key is of type {type(value).__name__}, which cannot be logged: .* and arrays can$"
    )
    with pytest.raises(TypeError, match=told):
        plain({"key": value}, "some")


def test_what_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["again"] = value

    for convert in (plain, friendly):
        with pytest.raises(InvalidError, match="contains itself"):
            convert(value, "key")


@pytest.mark.parametrize(
    "value", [numpy.arange(64.0), numpy.arange(64.0).reshape(8, 8), Tensor([*range(64)], (64,))]
)
def test_large_array_is_a_histogram(value: object) -> None:
    found = plain(value, "key")

    assert found == histogram([float(each) for each in range(64)])
    assert (found["_type"], found["values"], len(found["bins"])) == ("histogram", [2] * 32, 33)
    assert (found["bins"][0], found["bins"][-1]) == (0, 63)


def test_histogram_of_equal_numbers_has_a_width() -> None:
    found = histogram([1.0] * 5)

    assert sum(found["values"]) == 5
    assert found["bins"][0] < 1 < found["bins"][-1]


def test_media_object_keeps_its_file_and_says_what_it_is() -> None:
    kept = Kept()

    found = plain({"a": [Picture()]}, "key", kept, 7)

    assert found["a"][0]["_type"] == "image-file"
    assert len(kept.names) == 1
    with pytest.raises(InvalidError, match="which has no place here"):
        plain(Picture(), "key")


def test_nested_values_have_dotted_keys_and_typed_ones_stay_whole() -> None:
    nested = {"a": {"b": 1, "c": {"d": 2}}, "h": {"_type": "x", "y": 1}, "e": {}}

    assert dict(flat(nested)) == {"a.b": 1, "a.c.d": 2, "h": {"_type": "x", "y": 1}, "e": {}}


def test_half_a_surrogate_is_spelled_out() -> None:
    name = os.fsdecode(b"caf\xe9")

    assert plain({name: [name]}, "key") == friendly({name: [name]}, "key")
    assert plain({name: [name]}, "key") == {"caf\\udce9": ["caf\\udce9"]}
    assert plain("é😀", "key") == "é😀"


def test_configuration_takes_whatever_there_is() -> None:
    found = friendly({"a": Colour.RED, 1: {2}, "f": len, "t": (1, (2,))}, "config")

    assert found == {"a": "Colour.RED", "1": [2], "f": "builtins.len", "t": [1, [2]]}
