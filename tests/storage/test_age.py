"""Age: as old as the store can tell, and no guess where it cannot."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from artifacts.errors import ObjectNotFoundError
from artifacts.storage import LocalStore, MemoryStore, written


def test_a_file_is_as_old_as_its_disk_says(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("blobs/it", b"it")
    os.utime(store.path("blobs/it"), (10**9, 10**9))

    assert written(store, "blobs/it") == datetime.fromtimestamp(10**9, UTC)
    assert written(MemoryStore(), "blobs/it") is None
    with pytest.raises(ObjectNotFoundError):
        written(store, "blobs/other")
