"""Fixtures: machines that share one store, and a catalog of one in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.catalog import Catalog
from artifacts.storage import LocalStore
from catalog.commits import new_store
from catalog.machines import Machines


@pytest.fixture
def machines(tmp_path: Path, store: Path) -> Machines:
    return Machines(tmp_path, LocalStore(store))


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(new_store())
