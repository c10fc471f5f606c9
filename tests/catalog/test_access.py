"""Access: one outage does not outlive itself, and a forked child asks for itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from artifacts.catalog import Catalog, Draft, Version
from artifacts.errors import StorageError
from artifacts.names import ArtifactName
from artifacts.storage.opening import initialize
from artifacts.testing import GatedStore, is_true_in_child

NOWHERE = Path("/nowhere")
DATA = ArtifactName.parse("data:latest", entity="team", project="proj")


class Faltering(GatedStore):
    """Nothing can be read from it while it is down."""

    is_down = False

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if self.is_down:
            raise StorageError(key, "no answer")
        return super().read(key, start, length)


@pytest.fixture
def store() -> Iterator[Faltering]:
    store = Faltering()
    initialize(store)
    yield store
    store.gate.set()


def commit(catalog: Catalog) -> Version:
    draft = Draft("data", "dataset", catalog.intake(NOWHERE))
    for number in range(3000):
        draft.add_bytes(b"%d" % number * 20, f"f{number:04}")
    return catalog.commit(draft, "team", "proj")


def test_an_outage_when_a_session_begins_ends_with_the_outage(store: Faltering) -> None:
    store.is_down = True
    catalog = Catalog(store)
    with pytest.raises(StorageError):
        [*catalog.projects()]
    store.is_down = False

    assert [*catalog.projects()] == []


def test_an_outage_when_writing_begins_ends_with_the_outage(store: Faltering) -> None:
    store.is_down = True
    catalog = Catalog(store)
    with pytest.raises(StorageError):
        catalog.check_writing()
    store.is_down = False

    catalog.check_writing()


def test_a_child_reads_from_a_store_that_its_parent_is_opening(store: Faltering) -> None:
    commit(Catalog(store))
    store.gate.clear()
    catalog = Catalog(store)

    assert is_true_in_child(lambda: [*catalog.projects()] == [("team", "proj")])


def test_a_child_writes_to_a_store_that_its_parent_began_to_write_to(store: Faltering) -> None:
    catalog = Catalog(store)
    store.gate.clear()
    catalog.begin_writing()

    assert is_true_in_child(lambda: commit(catalog).name == "data:v0")


def test_a_child_reads_a_version_that_its_parent_is_reading(store: Faltering) -> None:
    commit(Catalog(store))
    version = Catalog(store).resolve(DATA)
    page = version.layout.pages[0]
    assert str(page) not in version.carried
    store.gate.clear()
    version._begin(page)  # noqa: SLF001 - as `page_bytes` does, whose own read would wait

    assert is_true_in_child(lambda: b"".join(version.read("f0007")) == b"7" * 20)


def test_a_child_resolves_what_a_thread_of_its_parent_is_resolving(store: Faltering) -> None:
    commit(Catalog(store))
    catalog = Catalog(store)
    _ = catalog.identity
    store.gate.clear()
    thread = Thread(target=lambda: catalog.resolve(DATA))
    thread.start()
    while not store.waiting:
        time.sleep(0.001)

    assert is_true_in_child(lambda: catalog.resolve(DATA).name == "data:v0")
    store.gate.set()
    thread.join()
