"""Segments: rows as Parquet and as JSON lines come out as they went in."""

from __future__ import annotations

import math
import sys
import tracemalloc
from random import Random
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.errors import MalformedError, UsageError
from artifacts.runs.rows import segments
from artifacts.runs.rows.segments import (
    JSONL,
    PARQUET,
    decode,
    encode,
    from_lines,
    in_arrow,
    read_table,
    rows_of,
    table_of,
    to_lines,
    to_parquet,
    unified,
)

VALUES = st.one_of(
    *(st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2))
)
ROWS = st.lists(st.dictionaries(st.sampled_from("abc d"), VALUES, min_size=1), min_size=1)


def same(rows: list[dict[str, Any]]) -> str:
    """NaN is NaN; a whole number may be a floating one where that says the same."""
    return repr([{key: plain(row[key]) for key in sorted(row)} for row in rows])


def plain(value: object) -> object:
    return float(value) if type(value) is int and abs(value) <= 2**53 else value


@settings(max_examples=40)
@given(ROWS)
def test_rows_come_back_from_parquet(rows: list[dict[str, Any]]) -> None:
    back = [*rows_of(decode(PARQUET, to_parquet([table_of(rows)]), "segment"))]

    assert same(back) == same(rows)


@settings(max_examples=40)
@given(ROWS)
def test_rows_come_back_from_lines(rows: list[dict[str, Any]]) -> None:
    back = [*rows_of(decode(JSONL, to_lines(rows), "segment"))]

    assert same([*from_lines(to_lines(rows), "segment")]) == same(rows)
    assert same(back) == same(rows)


@settings(max_examples=40)
@given(ROWS, ROWS)
def test_rows_of_two_segments_come_back_from_one(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    data = to_parquet(unified([table_of(one), table_of(other)]))

    assert same([*rows_of(decode(PARQUET, data, "segment"))]) == same([*one, *other])


def test_a_line_of_a_gigabyte_is_refused_before_it_is_in_memory() -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    data = b"".join(packer.compress(bytes(2**20)) for _ in range(2**10)) + packer.flush()

    tracemalloc.start()
    with pytest.raises(MalformedError):
        [*from_lines(data, "segment")]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2**29


def test_more_lines_than_a_segment_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = to_lines([{"x": 1}, {"x": 2}])
    monkeypatch.setattr(segments, "MOST_BYTES", 15)

    with pytest.raises(MalformedError):
        [*from_lines(data, "segment")]

    monkeypatch.setattr(segments, "MOST_BYTES", 16)
    assert len([*from_lines(data, "segment")]) == 2


def test_a_file_of_more_than_a_segment_may_have_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = to_parquet([table_of([{"x": 0.5 * number} for number in range(1000)])])
    monkeypatch.setattr(segments, "MOST_BYTES", 8000)

    with pytest.raises(MalformedError):
        read_table(data, "segment")

    monkeypatch.setattr(segments, "MOST_BYTES", 9000)
    assert len(read_table(data, "segment")) == 1000


def test_a_hundred_thousand_rows_of_eight_columns_take_less_than_a_megabyte() -> None:
    random = Random(1)
    loss, rows = 2.0, []
    for step in range(100_000):
        loss *= 0.99999
        rows.append(
            {
                "_step": step,
                "_timestamp": 1.7e9 + step * 0.125,
                "loss": round(loss, 4),
                "accuracy": 1 - round(loss, 3),
                "epoch": step // 1000,
                "rate": 1e-3 * (1 - step // 100 / 1000),
                "grad": round(random.random(), 1),
                "gpu": 80 + step % 3,
            }
        )

    format_, data = encode(rows)

    assert format_ == PARQUET
    assert len(data) <= 1_000_000


def test_few_rows_are_lines_and_so_are_all_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"x": 1.5}] * 5000
    assert encode(rows[:10])[0] == JSONL

    monkeypatch.setattr(segments, "has_parquet", lambda: False)

    assert encode(rows)[0] == JSONL
    with pytest.raises(UsageError, match=r"artifact-store\[runs\]"):
        decode(PARQUET, b"", "segment")


def test_only_the_columns_that_are_wanted_are_read() -> None:
    data = to_parquet([table_of([{"a.b": 1.5, "a": 2, "c": math.inf}])])

    assert decode(PARQUET, data, "segment", ["a.b", "gone"]) == {"a.b": [1.5]}
    assert read_table(data, "segment", ["c"]).num_columns == 1


@pytest.mark.parametrize("format_", [PARQUET, JSONL])
@pytest.mark.parametrize("data", [b"", b"damage", to_lines([{"a": 1}])[:-3], to_lines([{}])[1:]])
def test_damage_is_told_of(format_: str, data: bytes) -> None:
    if format_ == JSONL and not data:
        pytest.skip("no frame is no rows")
    with pytest.raises(MalformedError):
        decode(format_, data, "segment")


@pytest.mark.parametrize("data", [b"x", b"PAR1" * 1000])
def test_what_threads_of_arrow_read_holds_nothing_of_python(data: bytes) -> None:
    count = sys.getrefcount(data)
    buffer = in_arrow(data)

    assert buffer.to_pybytes() == data
    assert sys.getrefcount(data) == count
