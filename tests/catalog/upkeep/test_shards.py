"""Shards: rows of any number come out in order, each once, and only of marked blobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.catalog.upkeep import shards as module
from artifacts.catalog.upkeep.shards import Shards
from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import BLOBS, Located, Name

BLOBS_ = [Name(BLOBS, Digest.of(b"%d" % n)) for n in range(4)]
DIGESTS = st.binary(min_size=1, max_size=1).map(lambda first: first + bytes(31))
ROWS = st.lists(st.builds(Located, DIGESTS, st.sampled_from(BLOBS_), st.integers(0, 2**64 - 1)))


@given(ROWS, st.sets(st.sampled_from(BLOBS_)), st.integers(1, 200), st.integers(1, 20))
def test_rows_come_out_in_order_once_and_of_marked_blobs(
    rows: list[Located], marked: set[Name], held: int, part: int
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_HELD_BYTES", held)
        patch.setattr(module, "_PART_ROWS", part)
        shards = Shards(Path(folder))
        for start in range(0, len(rows), 3):
            shards.add(rows[start : start + 3])
        for blob in marked:
            shards.mark(blob)
        parts = [*shards.parts()]

    found = [each for part in parts for each in part]
    wanted = [each for each in rows if each.blob in marked]
    assert [each.digest for each in found] == sorted({each.digest for each in wanted})
    assert {*found} <= {*wanted}


def test_a_full_disk_is_told_of(tmp_path: Path) -> None:
    shards = Shards(tmp_path / "absent")
    rows = [Located(Digest.of(b"%d" % n), BLOBS_[0], n) for n in range(400_000)]

    with pytest.raises(StorageError, match="absent"):
        shards.add(rows)


@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[1:])]
)
def test_rows_that_somebody_deleted_are_missed(
    harm: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HELD_BYTES", 1)
    shards = Shards(tmp_path)
    shards.add([Located(Digest.of(b""), BLOBS_[0], 0)])
    shards.mark(BLOBS_[0])
    [path] = (path for path in tmp_path.iterdir() if path.stat().st_size)
    harm(path)

    with pytest.raises(StorageError, match=path.name):
        [*shards.parts()]
