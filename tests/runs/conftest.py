"""Fixtures: a run of a place of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.storage import open_store
from runs.logbook import Logbook


@pytest.fixture
def book(tmp_path: Path) -> Logbook:
    """Its store is there, with nothing in it."""
    book = Logbook(tmp_path / "book")
    book.folder.mkdir()
    open_store(book.settings.store, create=True)
    return book
