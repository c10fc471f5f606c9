"""Checked: what was right is known again for a day, and nothing else ever is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from artifacts.cache import Checked, checked_key

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ONE, TWO, THREE = (checked_key("blob", number) for number in range(3))


def checked(folder: Path, now: datetime = NOON, url: str = "/store") -> Checked:
    return Checked(folder, "id", url, now)


def path_of(folder: Path) -> Path:
    [path] = (folder / "checked").iterdir()
    return path


def test_what_was_right_is_known_to_whoever_comes_next(tmp_path: Path) -> None:
    checked(tmp_path).add([(ONE, 1), (TWO, 2)])
    checked(tmp_path).add([(TWO, 2), (THREE, 3)])

    then = checked(tmp_path, NOON + timedelta(hours=1))

    assert [then.get(each) for each in (ONE, TWO, THREE)] == [1, 2, 3]
    assert (then.rows, then.began) == (3, NOON)


@pytest.mark.parametrize("later", [timedelta(hours=24), timedelta(seconds=-1)])
def test_what_was_right_long_ago_or_in_the_future_is_read_again(
    tmp_path: Path, later: timedelta
) -> None:
    checked(tmp_path).add([(ONE, 1)])

    then = checked(tmp_path, NOON + later)

    assert (then.get(ONE), then.rows, then.began) == (None, 0, NOON + later)
    then.add([(TWO, 2)])
    assert checked(tmp_path, NOON + later).get(ONE) is None


def test_another_address_is_another_store_even_if_it_is_a_copy(tmp_path: Path) -> None:
    checked(tmp_path).add([(ONE, 1)])

    assert checked(tmp_path, url="/copy").get(ONE) is None


def test_a_check_that_ended_is_forgotten(tmp_path: Path) -> None:
    one = checked(tmp_path)
    one.add([(ONE, 1)])
    one.forget()

    assert one.get(ONE) is None
    assert checked(tmp_path).get(ONE) is None


@pytest.mark.parametrize("cut", range(1, 60))
def test_half_a_batch_is_none_and_hides_none_that_follows(tmp_path: Path, cut: int) -> None:
    checked(tmp_path).add([(ONE, 1)])
    whole = path_of(tmp_path).read_bytes()
    checked(tmp_path).add([(TWO, 2)])
    path_of(tmp_path).write_bytes(path_of(tmp_path).read_bytes()[: -min(cut, 43)])

    checked(tmp_path).add([(THREE, 3)])

    then = checked(tmp_path)
    assert len(whole) < path_of(tmp_path).stat().st_size
    assert [then.get(each) for each in (ONE, TWO, THREE)] == [1, None, 3]


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    checked(tmp_path).add([(ONE, 1), (TWO, 2)])
    whole = path_of(tmp_path).read_bytes()
    path = path_of(tmp_path)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        then = checked(tmp_path)
        is_time = 8 <= at < 16  # of the beginning: it says only until when the rest counts
        assert is_time or not then.rows
        (tmp_path / "checked").mkdir(exist_ok=True)
