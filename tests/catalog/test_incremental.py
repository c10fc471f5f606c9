"""Incremental: drafts that share an intake take turns with it, whoever adds meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from artifacts.catalog import commit_over_latest
from catalog.commits import new_store
from catalog.machines import Machines


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads are interrupted wherever they can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_others_may_add_while_a_draft_is_laid_over_the_latest_version(tmp_path: Path) -> None:
    machines = Machines(tmp_path, new_store())
    draft = machines.draft("data")

    def add(start: int) -> None:
        for number in range(start, start + 400):
            draft.add_bytes(b"%d" % number * 50, f"{number}")

    with ThreadPoolExecutor() as pool:
        adding = [pool.submit(add, start) for start in (0, 1000)]
        while not all(each.done() for each in adding):
            commit_over_latest(machines.catalog, draft, "team", "proj")
        for each in adding:
            each.result()
    version = commit_over_latest(machines.catalog, draft, "team", "proj")

    assert len(version.manifest) == 800
    assert machines.problems() == []
