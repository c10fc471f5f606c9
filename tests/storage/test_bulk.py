"""Bulk: large files move in parts, or by their path."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.storage import RemoteStore, bulk
from artifacts.storage.bucket import Bucket

PART = 100


def test_a_client_that_reads_the_file_itself_gets_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every system has names for open files, and not every process may use them."""
    paths: list[str] = []
    monkeypatch.setattr(bulk, "PART_BYTES", PART)
    monkeypatch.setattr(Bucket, "put", lambda self, key, path: paths.append(path))
    (tmp_path / "source").write_bytes(bytes(PART + 1))

    RemoteStore("memory://whole").take("k", tmp_path / "source")

    assert paths == [str(tmp_path / "source")]
