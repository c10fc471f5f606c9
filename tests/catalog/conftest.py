"""Fixtures: machines that share one store."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.storage import LocalStore
from catalog.machines import Machines


@pytest.fixture
def machines(tmp_path: Path, store: Path) -> Machines:
    return Machines(tmp_path, LocalStore(store))
