"""Kept: what was saved is had back, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from artifacts.catalog import Kept
from artifacts.errors import StorageError
from artifacts.storage import MemoryStore
from artifacts.testing import FailingStore

PROJECT = 32 * "a"
MANY, FEW = 8, 7  # new ones


def parse(data: bytes) -> dict[str, int]:
    return {"run": int(data)}


def dump(known: Mapping[str, int]) -> bytes:
    return str(known["run"]).encode()


KEPT = Kept("runs", 2, "briefs", parse, dump)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    KEPT.save(store, PROJECT, {"run": 12}, MANY)
    return store


def test_what_was_saved_is_there_for_its_project(store: MemoryStore) -> None:
    assert KEPT.load(store, PROJECT) == {"run": 12}
    assert KEPT.load(store, 32 * "b") == {}


def test_a_few_news_are_not_worth_a_write(store: MemoryStore) -> None:
    KEPT.save(store, PROJECT, {"run": 13}, FEW)
    assert KEPT.load(store, PROJECT) == {"run": 12}


@pytest.mark.parametrize(
    "other",
    [replace(KEPT, kind="lineage"), replace(KEPT, edition=3), replace(KEPT, content="rows")],
)
def test_what_another_kind_or_edition_saved_is_not(store: MemoryStore, other: Kept[int]) -> None:
    store.write(f"cache/{other.kind}/{PROJECT}", store.read(f"cache/runs/{PROJECT}"))
    assert other.load(store, PROJECT) == {}


def test_what_is_of_another_project_or_damaged_is_not(store: MemoryStore) -> None:
    saved = store.read(f"cache/runs/{PROJECT}")
    store.write(f"cache/runs/{32 * 'b'}", saved)
    store.write(f"cache/runs/{PROJECT}", saved[:-1])

    assert KEPT.load(store, 32 * "b") == {}
    assert KEPT.load(store, PROJECT) == {}


def test_what_cannot_be_parsed_is_not(store: MemoryStore) -> None:
    assert replace(KEPT, parse=lambda data: {"run": data[7]}).load(store, PROJECT) == {}
    assert replace(KEPT, parse=lambda data: {b"": {"run": 1}}[data]).load(store, PROJECT) == {}


def test_a_store_that_takes_nothing_harms_nobody(store: MemoryStore) -> None:
    failing = FailingStore(store, 1, StorageError("a key", "is read-only"))
    KEPT.save(failing, PROJECT, {"run": 13}, MANY)
    assert KEPT.load(store, PROJECT) == {"run": 12}
