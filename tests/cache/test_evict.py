"""Evict: nobody waits for a child that was forked while the tally was being changed."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from forks import forked

from artifacts.cache.evict import Tally, delete_unused


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_keeps_nobody_from_the_tally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is forked by another thread in life."""
    with ExitStack() as stack:
        tally, write = Tally(str(tmp_path / "tally")), os.write

        def fork_and_write(fd: int, data: bytes) -> int:
            stack.enter_context(forked())
            return write(fd, data)

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fork_and_write)
            tally.correct(None, 5)

        with (tmp_path / "tally").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
        assert tally.add(1) == 6


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_keeps_no_copy_that_could_not_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(b"")
    with ExitStack() as stack:

        def fork_and_fail(_: str) -> None:
            stack.enter_context(forked())
            raise PermissionError

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", fork_and_fail)
            assert not delete_unused(str(copy))

        assert delete_unused(str(copy))
