"""Claim: ends with who made it, whatever was forked meanwhile."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from forks import done_by_fork, forked

from artifacts.storage.claiming import alone, claimed, delete_abandoned

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def is_free(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def test_one_at_a_time_has_a_folder_alone(tmp_path: Path) -> None:
    with alone(str(tmp_path)):
        assert not is_free(tmp_path)

    assert is_free(tmp_path)


def test_what_is_claimed_is_not_abandoned(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()

    with claimed(str(tmp_path / "work")):
        assert delete_abandoned(str(tmp_path), at_least_s=-1) == 0

    assert delete_abandoned(str(tmp_path), at_least_s=-1) == 1


def test_a_forked_child_keeps_nobody_from_a_folder(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with alone(str(tmp_path)):
            stack.enter_context(forked())

        assert is_free(tmp_path)


def test_a_forked_child_works_on_nothing_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with ExitStack() as stack:
        with claimed(str(tmp_path / "work")):
            stack.enter_context(forked())

        assert delete_abandoned(str(tmp_path), at_least_s=-1) == 1


def test_a_child_ends_no_claim_of_its_parent(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(alone(str(tmp_path)))

        assert done_by_fork(stack.close) == 0

        assert not is_free(tmp_path)
