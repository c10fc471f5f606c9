"""Numbers, times and tables are written for people, and never garble a terminal."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.cli.output import age_text, count_text, duration_text, facts, shown, size_text, table

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1023 * 1024, "1.0 MiB"),
        (1288490189, "1.2 GiB"),
        (2**63, "8.0 EiB"),
        (None, "?"),
    ],
)
def test_size_has_a_unit_that_fits(size: int | None, text: str) -> None:
    assert size_text(size) == text


@given(st.integers(0, 2**63))
def test_size_is_short(size: int) -> None:
    assert len(size_text(size)) <= len("999.9 MiB")


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=3), "3 s ago"),
        (timedelta(seconds=185), "3 min ago"),
        (timedelta(hours=2, minutes=59), "2 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=90), "2025-03-17"),
        (timedelta(seconds=-60), "2025-06-15T12:01:00+00:00"),
    ],
)
def test_age_is_told_from_now(age: timedelta, text: str) -> None:
    assert age_text((NOW - age).isoformat(), NOW) == text


def test_time_that_is_none_is_shown_as_it_is() -> None:
    assert age_text("yesterday", NOW) == "yesterday"


def test_duration_has_minutes_where_it_needs_them() -> None:
    assert [duration_text(seconds) for seconds in (0.04, 59.94, 75)] == [
        "0.0 s",
        "59.9 s",
        "1 min 15 s",
    ]


def test_count_has_a_plural() -> None:
    assert [count_text(count, "file") for count in (0, 1, 1234)] == [
        "0 files",
        "1 file",
        "1,234 files",
    ]


def test_table_aligns_words_left_and_numbers_right() -> None:
    assert [*table(("NAME", ">SIZE", "WHAT"), [("a", "10", ""), ("long name", "9", "x")])] == [
        "NAME       SIZE  WHAT",
        "a            10",
        "long name     9  x",
    ]


def test_facts_leave_out_what_says_nothing() -> None:
    assert [*facts([("a", "x\ny"), ("empty", ""), ("long", "z")])] == [
        "a     x",
        "      y",
        "long  z",
    ]


@given(st.text(st.characters()))
def test_shown_text_is_printable(text: str) -> None:
    assert shown(text).isprintable()
