"""Large: whatever way a file is placed it comes back, and costs no more than what is new in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import TypeAlias

import pytest
from desk import (
    Desk,
    Reads,
    Row,
    blobs,
    contents,
    emptied,
    far,
    let_rest,
    noise,
    spool,
    stored,
    text,
)
from edits import EDITS, FILES, Edit
from folders import write_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.cache import Intake, intake, large, placement, relative
from artifacts.content import Digest
from artifacts.errors import FileChangedError
from artifacts.storage import (
    BLOBS,
    CHUNK_SIZES,
    RAW,
    ZSTD,
    MemoryStore,
    Name,
    ObjectStore,
    Span,
    chunks,
    packs,
)
from artifacts.testing import CountingStore

SIZE, SOLO_BYTES = 2**20, 2**18
NOISE, TEXT = noise(SIZE), text(SIZE)
NEW = noise(1000, seed=7)
Reach: TypeAlias = Callable[[ObjectStore], ObjectStore]
Change: TypeAlias = Callable[[bytes], bytes]


def near(store: ObjectStore) -> ObjectStore:
    return store


def inserted(data: bytes) -> bytes:
    """The data with something new in its middle."""
    return data[: len(data) // 2] + NEW + data[len(data) // 2 :]


def overwritten(data: bytes) -> bytes:
    """Of the same length."""
    return data[: len(data) // 2] + NEW + data[len(data) // 2 + len(NEW) :]


def shifted(data: bytes) -> bytes:
    """Of the same length, but for its first byte no byte where it was."""
    return data[:1] + b"+" + data[1:-1]


def halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def doubled(data: bytes) -> bytes:
    return data + data


near_and_far = pytest.mark.parametrize("reach", [near, far])
both_kinds = pytest.mark.parametrize("data", [NOISE, TEXT], ids=["noise", "text"])
all_changes = pytest.mark.parametrize("change", [overwritten, shifted, inserted, halved, doubled])


def shrink(patch: pytest.MonkeyPatch, window: int = 2**16) -> None:
    """Windows, buffers and packs so small that a file has many of them."""
    patch.setattr(large, "SOLO_BYTES", SOLO_BYTES)
    patch.setattr(placement, "SOLO_BYTES", SOLO_BYTES)
    patch.setattr(relative, "_WINDOW", window)
    patch.setattr(relative, "_BLOCK", 2**13)
    patch.setattr(chunks, "_BUFFER_BYTES", CHUNK_SIZES.most)
    patch.setattr(packs, "PACK_BYTES", 2**17)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


@dataclass(frozen=True, slots=True)
class Bench:
    """A store and a folder that goes into it, from this machine or another."""

    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def desk(self, reach: Reach = near, machine: str = "this") -> Desk:
        return Desk(reach(self.store), self.folder / machine)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def commit(desk: Desk, root: Path, data: bytes) -> list[Span]:
    """Where the one file of the next version lies, which comes back as it is."""
    write_tree(root, {"a": data})
    taken, rows = desk.commit(root)
    assert contents(taken, rows) == {"a": data}
    assert not spool(desk.store)
    return [*desk.last["a"][1]]


def growth(desk: Desk, root: Path, data: bytes) -> int:
    """By how many bytes of blobs the next version makes the store longer."""
    before = stored(desk.store)
    commit(desk, root, data)
    return stored(desk.store) - before


def name(data: bytes) -> Name:
    return Name(BLOBS, Digest.of(data))


# Ways of placing


@given(
    FILES,
    st.lists(EDITS, min_size=1, max_size=4),
    st.sampled_from([near, far]),
    st.sampled_from([2**14, 2**22]),
)
@settings(max_examples=60)
def test_every_version_of_an_edited_file_comes_back(
    data: bytes, history: list[list[Edit]], reach: Reach, window: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        shrink(patch, window)
        desk = Desk(reach(MemoryStore()), Path(folder, "cache"))
        versions: list[tuple[Intake, list[Row], bytes]] = []
        for edits in [[], *history]:
            for edit in edits:
                data = edit(data)
            write_tree(Path(folder, "root"), {"a": data})
            versions.append((*desk.commit(Path(folder, "root")), data))

        for taken, rows, expected in versions:
            assert contents(taken, rows) == {"a": expected}
        stored(desk.store)
        assert not spool(desk.store)


def test_a_file_without_a_past_is_a_blob_of_its_own(bench: Bench) -> None:
    [span] = commit(bench.desk(), bench.root, NOISE)

    assert span == Span(name(NOISE), 0, SIZE, SIZE)
    assert stored(bench.store) == SIZE


def test_a_file_that_compresses_lies_compressed(bench: Bench) -> None:
    spans = commit(bench.desk(), bench.root, TEXT)

    assert {span.codec for span in spans} == {ZSTD}
    assert stored(bench.store) < SIZE / 2


def test_frames_that_follow_each_other_are_one_span(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "PACK_BYTES", 2**25)

    assert len(commit(bench.desk(), bench.root, TEXT)) == 1


def test_a_part_that_does_not_compress_lies_raw(bench: Bench) -> None:
    spans = commit(bench.desk(), bench.root, TEXT + noise(2**19) + TEXT)

    assert {span.codec for span in spans} == {RAW, ZSTD}


def test_an_edited_file_is_its_past_and_what_is_new(bench: Bench) -> None:
    desk = bench.desk()
    commit(desk, bench.root, NOISE)
    spans = commit(desk, bench.root, inserted(NOISE))

    half = SIZE // 2
    past, new = name(NOISE), name(NEW)
    assert spans == [
        Span(past, 0, half, half),
        Span(new, 0, len(NEW), len(NEW)),
        Span(past, half, half, half),
    ]


def test_a_file_that_shares_little_with_its_past_is_stored_whole(bench: Bench) -> None:
    desk = bench.desk()
    commit(desk, bench.root, NOISE)
    other = noise(SIZE, seed=3) + NOISE[: SIZE // 8]

    assert commit(desk, bench.root, other) == [Span(name(other), 0, len(other), len(other))]


@both_kinds
@near_and_far
def test_an_unchanged_file_is_stored_once(bench: Bench, data: bytes, reach: Reach) -> None:
    desk = bench.desk(reach)
    commit(desk, bench.root, data)

    assert growth(desk, bench.root, data) == 0


@both_kinds
@near_and_far
def test_an_insertion_costs_what_is_beside_it_at_most(
    bench: Bench, data: bytes, reach: Reach
) -> None:
    desk = bench.desk(reach)
    commit(desk, bench.root, data)

    assert growth(desk, bench.root, inserted(data)) <= 3 * CHUNK_SIZES.most


@both_kinds
@near_and_far
def test_a_moved_half_is_not_stored_again(bench: Bench, data: bytes, reach: Reach) -> None:
    desk = bench.desk(reach)
    commit(desk, bench.root, data)

    assert (
        growth(desk, bench.root, data[SIZE // 2 :] + data[: SIZE // 2])
        <= SIZE / 2 + 3 * CHUNK_SIZES.most
    )


# A past that is not what it was


@all_changes
@pytest.mark.parametrize("damage", [halved, overwritten, bytes], ids=["cut", "changed", "empty"])
def test_a_past_that_is_damaged_spoils_nothing_new(
    bench: Bench, change: Change, damage: Change
) -> None:
    """Be it in one blob or in many, of which one is damaged."""
    desk = bench.desk()
    commit(desk, bench.root, NOISE)
    many = NOISE[:300_000] + noise(200_000, 5) + NOISE[300_000:]
    commit(desk, bench.root, many)
    for key in blobs(bench.store):
        good = bench.store.read(key)
        bench.store.write(key, b"" if damage is bytes else damage(good))
        write_tree(bench.root, {"a": change(many)})
        taken, rows = desk.add(bench.root)

        assert contents(taken, rows) == {"a": change(many)}
        bench.store.write(key, good)


def test_a_gap_in_the_past_moves_nothing_that_follows_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is, by chance, what is left of its last version, of which one blob was cut."""
    monkeypatch.setattr(relative, "_WINDOW", 2**22)
    desk = bench.desk()
    commit(desk, bench.root, NOISE)
    middle = noise(200_000, 5)
    commit(desk, bench.root, NOISE[:300_000] + middle + NOISE[300_000:])
    bench.store.write(name(middle).key, middle[:100_000])

    commit(desk, bench.root, NOISE[:300_000] + middle[:100_000] + NOISE[300_000:])


def test_a_past_of_which_a_blob_is_gone_is_passed_by(bench: Bench) -> None:
    desk = bench.desk()
    commit(desk, bench.root, NOISE)
    commit(desk, bench.root, inserted(NOISE))
    emptied(bench.store, "blobs/", "cache/")

    assert growth(desk, bench.root, overwritten(NOISE)) == SIZE


@both_kinds
@near_and_far
def test_without_lists_and_index_a_file_is_stored_all_the_same(
    bench: Bench, data: bytes, reach: Reach
) -> None:
    desk = bench.desk(reach)
    commit(desk, bench.root, data)
    emptied(bench.store, "cache/")

    commit(desk, bench.root, inserted(data))


@both_kinds
@near_and_far
@pytest.mark.parametrize("damage", [halved, bytes], ids=["cut", "empty"])
def test_with_damaged_lists_and_index_a_file_is_stored_all_the_same(
    bench: Bench, data: bytes, reach: Reach, damage: Change
) -> None:
    desk = bench.desk(reach)
    commit(desk, bench.root, data)
    for key in bench.store.list("cache/"):
        bench.store.write(key, b"" if damage is bytes else damage(bench.store.read(key)))

    commit(desk, bench.root, inserted(data))


# Files that change while they are read


@all_changes
@both_kinds
@near_and_far
def test_a_file_that_changed_meanwhile_is_read_again(
    bench: Bench, reads: Reads, reach: Reach, data: bytes, change: Change
) -> None:
    """With a past and without, at each of its first reads and some of the later ones."""
    old = bench.desk(reach)
    commit(old, bench.root, inserted(data))
    for last in ({}, old.last):
        for after in (1, 2, 3, 4, 5, 10, 20, 40, 80):
            write_tree(bench.root, {"a": data})
            desk = bench.desk(reach)
            desk.last = {**last}
            reads.disturb_once(lambda: write_tree(bench.root, {"a": change(data)}), after=after)
            taken, rows = desk.add(bench.root)

            assert contents(taken, rows)["a"] in (data, change(data))
    assert not spool(bench.store)


@all_changes
@both_kinds
@near_and_far
def test_even_a_change_that_goes_unnoticed_is_stored_under_its_own_digest(
    bench: Bench,
    reads: Reads,
    monkeypatch: pytest.MonkeyPatch,
    reach: Reach,
    data: bytes,
    change: Change,
) -> None:
    """Whatever mixture of the two was read: its digest is that of the bytes that are stored."""
    monkeypatch.setattr(intake, "state_key", lambda _stat: b"")
    old = bench.desk(reach)
    commit(old, bench.root, inserted(data))
    for last in ({}, old.last):
        for after in (1, 2, 3, 4, 5, 10, 20, 40, 80):
            write_tree(bench.root, {"a": data})
            desk = bench.desk(reach, f"{len(last)}-{after}")
            desk.last = {**last}
            reads.disturb_once(lambda: write_tree(bench.root, {"a": change(data)}), after=after)
            try:
                taken, rows = desk.add(bench.root)
            except FileChangedError as error:  # its length gave it away
                assert error.path == str(bench.root / "a")  # noqa: PT017
            else:
                [(_, digest, size)] = rows
                found = b"".join(taken.read(digest, size, "a"))
                assert Digest.of(found) == digest


@both_kinds
@near_and_far
def test_a_file_that_keeps_changing_is_refused_by_name(
    bench: Bench, reads: Reads, reach: Reach, data: bytes
) -> None:
    desk = bench.desk(reach)
    commit(desk, bench.root, data)
    write_tree(bench.root, {"a": inserted(data)})
    numbers = count()
    reads.disturb = lambda _: write_tree(bench.root, {"a": data + b"%d" % next(numbers)})

    with pytest.raises(FileChangedError) as caught:
        desk.add(bench.root)

    assert caught.value.path == str(bench.root / "a")


# What this machine knows


@both_kinds
@near_and_far
def test_an_unchanged_file_in_pieces_is_not_read_again(
    bench: Bench, reads: Reads, monkeypatch: pytest.MonkeyPatch, reach: Reach, data: bytes
) -> None:
    desk = bench.desk(reach)
    commit(desk, bench.root, data)
    let_rest(monkeypatch)
    assert len(commit(desk, bench.root, inserted(data))) > 1, "it should be in pieces"
    before = reads.count
    taken, rows = desk.commit(bench.root)

    assert reads.count == before
    assert contents(taken, rows) == {"a": inserted(data)}


@both_kinds
def test_a_file_in_pieces_is_read_again_if_no_version_has_it(
    bench: Bench, reads: Reads, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    desk = bench.desk()
    commit(desk, bench.root, data)
    let_rest(monkeypatch)
    commit(desk, bench.root, inserted(data))
    emptied(bench.store, "blobs/", "cache/")
    desk.last.clear()
    before = reads.count
    commit(desk, bench.root, inserted(data))

    assert reads.count > before


# A store that is far away


def test_uploads_run_side_by_side(bench: Bench) -> None:
    class Meeting(CountingStore):
        """Takes nothing before four are there."""

        meets = Barrier(4)

        def take(self, key: str, path: Path) -> None:
            self.meets.wait(timeout=300)
            super().take(key, path)

    files = {str(n): noise(SOLO_BYTES, n) for n in range(4)}
    write_tree(bench.root, files)
    taken, rows = Desk(far(Meeting(bench.store)), bench.folder).add(bench.root)

    assert contents(taken, rows) == files


@both_kinds
def test_chunks_of_every_blob_are_listed(bench: Bench, data: bytes) -> None:
    commit(bench.desk(far), bench.root, data)

    assert {key.rpartition("/")[2] for key in bench.store.list("cache/chunks/")} == {
        key.rpartition("/")[2] for key in blobs(bench.store)
    }


@both_kinds
def test_another_machine_uploads_only_what_is_new(bench: Bench, data: bytes) -> None:
    mine, theirs = bench.desk(far), bench.desk(far, "theirs")
    commit(mine, bench.root, data)
    theirs.last = mine.last

    assert growth(theirs, bench.root, inserted(data)) <= 3 * CHUNK_SIZES.most


def test_little_is_read_of_a_far_past(bench: Bench) -> None:
    mine = bench.desk(far)
    commit(mine, bench.root, NOISE)
    counting = CountingStore(bench.store)
    theirs = Desk(far(counting), bench.folder / "theirs")
    theirs.last = mine.last
    write_tree(bench.root, {"a": inserted(NOISE)})
    theirs.add(bench.root)

    assert not [key for operation, key in counting.calls if operation == "read" and "blobs" in key]


# More than one commit of one draft


@both_kinds
@near_and_far
def test_more_may_be_added_after_a_close(bench: Bench, data: bytes, reach: Reach) -> None:
    desk = bench.desk(reach)
    files = {"1": data, "2": b"small", "3": inserted(data), "4": noise(100_000), "5": text(100_000)}
    taken = desk.intake()
    rows: list[Row] = []
    for path, each in files.items():
        write_tree(bench.root, {path: each})
        rows.append((path, *taken.add_file(str(bench.root / path), path)))
        taken.close()

    assert contents(taken, rows) == files
    taken, rows = bench.desk(reach).add(bench.root)
    assert contents(taken, rows) == files
    stored(bench.store)


def test_a_pack_that_the_store_had_already_is_one_blob_of_a_layout(bench: Bench) -> None:
    """What is new makes, by chance, the very pack in which the last version has a file."""
    desk = bench.desk()
    write_tree(bench.root, {"0": b"0", "a": b"12"})
    desk.commit(bench.root)
    emptied(bench.store, "cache/")
    (bench.root / "0").unlink()
    write_tree(bench.root, {"b": b"01", "c": b"2"})
    taken, rows = desk.add(bench.root)

    assert {*taken.contents.places.values()} == {(0, 0), (0, 1), (0, 2)}
    assert contents(taken, rows) == {"a": b"12", "b": b"01", "c": b"2"}
