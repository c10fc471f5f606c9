"""An outbox that dies: whatever ends a sync of artifacts, the next one makes a whole run of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path

import pytest
from artifact.samples import draft
from dying import dies, spread
from runs.logbook import Logbook

import artifacts
from artifacts import Artifact
from artifacts.catalog import Catalog, RunState
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import ArtifactNotFoundError, StorageError
from artifacts.names import ArtifactName, CollectionName
from artifacts.runs import Run, sync
from artifacts.storage import LocalStore, ObjectStore, opening
from artifacts.testing import CountingStore, FailingStore, KillingStore

QUIET = {"console": "off", "disable_git": True, "x_disable_meta": True, "x_disable_stats": True}
RUN = "far"
CHANGES = ("create", "write", "take", "stream", "delete")
PULLED = StorageError("a key", "somebody pulled the plug")


@pytest.fixture
def book(tmp_path: Path) -> Logbook:
    """With versions and a part in its store, and an offline run beside it."""
    book = Logbook(tmp_path)
    with begin(book, "near", "online") as run:
        run.log_artifact(draft({"x": b"there"}), aliases=["prod"])
        run.log_artifact(draft(name="base"))
        run.upsert_artifact(draft({"near": b"n"}, name="whole"), distributed_id="all")
    with begin(book, RUN, "offline") as run:
        leave(run)
    (tmp_path / "wandb").rename(book.place())
    return book


def begin(book: Logbook, id_: str, mode: str) -> Run:
    settings = {**QUIET, "x_save_requirements": False, "store": book.settings.store}
    settings |= {"cache_dir": book.settings.cache_dir, "root_dir": str(book.folder)}
    return artifacts.init("team", "proj", id=id_, mode=mode, settings=settings)  # type: ignore[arg-type]


def leave(run: Run) -> None:
    """All that can be done with artifacts."""
    run.log({"loss": 0.5})
    run.use_artifact("base:latest", use_as="start")
    first = run.log_artifact(draft({"x": b"first"}), aliases=["prod"])
    run.log_artifact(draft({"x": b"there"}), aliases=["again"])  # is there already
    run.log_artifact(draft({"y": b"y"}, incremental=True), tags=["wide"])
    run.link_artifact(first, "shelf/best", ["prod"])
    referring = Artifact("referring", "dataset", metadata={"rows": 3})
    referring.add_reference(first.get_entry("x").ref_url())
    run.log_artifact(referring)
    run.upsert_artifact(draft({"a": b"a"}, name="whole"), distributed_id="all")
    run.use_artifact(run.finish_artifact(draft({"b": b"b"}, name="whole"), distributed_id="all"))
    run.config["input"] = first
    run.log({"loss": 0.25})


def sync_book(book: Logbook) -> None:
    [folder] = book.place().glob(f"offline-run-*-{RUN}")
    assert sync(book.session, folder) is not None


def state_of(book: Logbook) -> RunState:
    fold = book.session.catalog.run("team", "proj", RUN)
    assert fold is not None
    return fold.state


def assert_is_whole(book: Logbook) -> None:
    """Each thing once, as if nothing had happened."""
    catalog, state = book.session.catalog, state_of(book)
    assert aliases(catalog) == {
        "base:v0": ["latest"],
        "data:v0": ["again"],
        "data:v1": ["prod"],
        "data:v2": ["latest"],
        "referring:v0": ["latest"],
        "whole:v0": ["latest"],
    }
    assert paths(catalog, "whole") == ["a", "b", "near"]
    assert paths(catalog, "data") == ["x", "y"]
    names = [each["artifact"].rpartition("/")[2] for each in state.logged]
    assert names == ["data:v1", "data:v0", "data:v2", "referring:v0", "whole:v0"]
    used = [each["artifact"].rpartition("/")[2] for each in state.used]
    assert sorted(used) == ["base:v0", "data:v1", "whole:v0"]
    for each in (*state.logged, *state.used):
        version = catalog.resolve(ArtifactName.parse(each["artifact"], entity="", project=""))
        assert (version.id, version.digest.hex()) == (each["id"], each["digest"])
    [link] = catalog.versions(CollectionName("team", "shelf", "best"))
    assert (link.source_name, sorted(link.aliases)) == ("data:v1", ["latest", "prod"])
    assert state.config["input"]["id"] == state.logged[0]["id"]
    assert state.told_state == "finished"
    assert state.last_step == 1
    assert [*catalog.collections("team", "proj", with_hidden=True)] == [
        *((name, "dataset") for name in ("base", "data", "referring", "whole"))
    ]
    assert verify_store(catalog).problems == []


def aliases(catalog: Catalog) -> dict[str, list[str]]:
    return {
        version.name: sorted(version.aliases)
        for name, _ in catalog.collections("team", "proj")
        for version in catalog.versions(CollectionName("team", "proj", name))
    }


def paths(catalog: Catalog, name: str) -> list[str]:
    version = catalog.resolve(ArtifactName("team", "proj", name, "latest"))
    return [entry.path for entry in version.entries()]


class _AtChange:
    """Strikes at a call that changes the store: between two such calls all is as it was."""

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        strike = super()._around(operation, key)  # type: ignore[misc]
        with strike if operation in CHANGES else nullcontext():
            yield


class KillingAtChange(_AtChange, KillingStore):
    """As KillingStore."""


class FailingAtChange(_AtChange, FailingStore):
    """As FailingStore."""

    @property
    def has_failed(self) -> bool:
        return self._calls >= self._at


def sync_over(book: Logbook, wrapped: ObjectStore) -> None:
    """The book's store is the given one in all of the process; every other one is as ever."""
    store = Path(book.settings.store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            opening,
            "_at_path",
            lambda path: wrapped if Path(path) == store else LocalStore(Path(path)),
        )
        sync_book(book)


def sync_and_die(book: Logbook, at: int) -> None:
    sync_over(book, KillingAtChange(book.store, at, before=False))


def sync_twice(book: Logbook, store: FailingStore) -> None:
    """The first time the store fails, once."""
    with suppress(StorageError):
        sync_over(book, store)
    sync_book(book)


@pytest.fixture
def anew(book: Logbook, tmp_path: Path) -> Callable[[], LocalStore]:
    """The store as it was before any sync."""
    store, kept = Path(book.settings.store), tmp_path / "kept"
    shutil.copytree(store, kept)

    def again() -> LocalStore:
        shutil.rmtree(store)
        shutil.copytree(kept, store)
        return LocalStore(store)

    return again


def deaths(book: Logbook, anew: Callable[[], LocalStore]) -> Iterator[None]:
    """A sync is killed after each change in turn, each time of the same store; the last lives."""
    for at in count(1):
        anew()
        has_died = dies(sync_and_die, book, at)
        yield
        if not has_died:
            break
    assert at > 30


def test_a_sync_that_is_killed_again_and_again_makes_a_whole_run(book: Logbook) -> None:
    """Each goes on with what the one before left, one change further before it dies."""
    at = 1
    while dies(sync_and_die, book, at):
        at += 1
    sync_book(book)

    assert at > 3
    assert_is_whole(book)


def test_a_sync_that_was_killed_after_any_change_is_whole_after_the_next(
    book: Logbook, anew: Callable[[], LocalStore]
) -> None:
    for _ in deaths(book, anew):
        sync_book(book)
        assert_is_whole(book)


def test_what_others_did_since_a_sync_was_killed_stays(
    book: Logbook, anew: Callable[[], LocalStore]
) -> None:
    for _ in deaths(book, anew):
        others = go_on(book)
        sync_book(book)
        assert {name: named(book, name) for name in others} == others


def go_on(book: Logbook) -> dict[str, str]:
    """Others take on from what the killed sync brought; what names stand for then."""
    is_logged = named(book, "data:prod") == "data:v1"
    is_shown = named(book, "team/shelf/best:prod") == "data:v1"
    is_finished = named(book, "whole:latest") == "whole:v0"
    others: dict[str, str] = {}
    with begin(book, "later", "online") as run:
        if is_logged:
            later = run.log_artifact(draft({"x": b"later"}), aliases=["prod"])
            others["data:prod"] = later.name
        if is_shown:
            run.link_artifact(later, "shelf/best", ["prod"])
            others["team/shelf/best:prod"] = later.name
        if is_finished:
            run.upsert_artifact(draft({"next": b"n"}, name="whole"), distributed_id="all")
            others["whole:latest"] = "whole:v0"
    return others


def named(book: Logbook, name: str) -> str:
    """The version that a name stands for; nothing, if it is not there yet."""
    try:
        return book.session.resolve(name).source_name
    except ArtifactNotFoundError:
        return ""


def test_a_part_that_others_finished_since_a_sync_died_is_not_added_again(
    book: Logbook, anew: Callable[[], LocalStore]
) -> None:
    is_there = False
    for at in range(1, 40):
        anew()
        dies(sync_and_die, book, at)
        if is_there := is_added(book):
            break
    with begin(book, "later", "online") as run:
        run.finish_artifact(draft({"later": b"l"}, name="whole"), distributed_id="all")
    assert paths(book.session.catalog, "whole") == ["a", "later", "near"]

    sync_book(book)

    assert is_there
    assert paths(book.session.catalog, "whole") == ["b"]


def is_added(book: Logbook) -> bool:
    """Whether what the offline run upserted is there."""
    names = book.session.catalog.collections("team", "proj", with_hidden=True)
    folds = (book.session.catalog.collection(CollectionName("team", "proj", n)) for n, _ in names)
    return any(row.metadata.get("run") == "team/proj/far" for f in folds if f for row in f.state)


def test_a_sync_that_failed_at_any_change_is_whole_after_the_next(
    book: Logbook, anew: Callable[[], LocalStore]
) -> None:
    for at in count(1):
        failing = FailingAtChange(anew(), at, PULLED)
        sync_twice(book, failing)
        assert_is_whole(book)
        if not failing.has_failed:
            break
    assert at > 30


def test_a_sync_that_failed_to_read_is_whole_after_the_next(
    book: Logbook, anew: Callable[[], LocalStore]
) -> None:
    counting = CountingStore(anew())
    sync_over(book, counting)

    for at in spread(len(counting.calls), 12):
        sync_twice(book, FailingStore(anew(), at, PULLED))
        assert_is_whole(book)


def test_what_was_uploaded_before_it_died_is_not_uploaded_again(
    book: Logbook, anew: Callable[[], LocalStore]
) -> None:
    whole = uploads(book, CountingStore(anew()))
    failing = FailingAtChange(anew(), 20, PULLED, before=False)
    with pytest.raises(StorageError):
        sync_over(book, failing)

    rest = uploads(book, CountingStore(book.store))

    assert 0 < len(rest) < len(whole)
    assert uploads(book, CountingStore(book.store)) == []


def uploads(book: Logbook, counting: CountingStore) -> list[str]:
    """Blobs that a sync sends."""
    sync_over(book, counting)
    changes = [key for operation, key in counting.calls if operation in CHANGES]
    return [key for key in changes if key.startswith("blobs/")]
