"""Distributed artifacts: many runs put one version together, and some of them die."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from artifact.samples import read

from artifacts.artifact import Artifact
from artifacts.catalog import Catalog, Distributed, Draft, Facts, Session, Version
from artifacts.catalog.upkeep.gc import collect
from artifacts.errors import (
    ArtifactFinalizedError,
    ConflictError,
    InvalidNameError,
    InvalidPathError,
    StorageError,
    UsageError,
)
from artifacts.names import CollectionName
from artifacts.query import Api
from artifacts.runs import Run, init
from artifacts.settings import Settings
from artifacts.storage import LocalStore, ObjectStore
from artifacts.testing import CountingStore, FailingStore

NEVER = 10**9
P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture
def run() -> Iterator[Run]:
    with init(project="proj", group="team") as run:
        yield run


def part(*names: str, name: str = "data", content: str = "") -> Artifact:
    artifact = Artifact(name, "dataset")
    for each in names:
        with artifact.new_file(each) as file:
            file.write(content or each)
    return artifact


def paths(artifact: Artifact) -> list[str]:
    return [*artifact.manifest.entries]


def versions() -> list[str]:
    return [each.name for each in Api().artifacts("dataset", "default/proj/data")]


def test_what_many_add_is_one_version(run: Run, tmp_path: Path) -> None:
    run.upsert_artifact(part("a"))
    run.upsert_artifact(part("b", "c"))

    artifact = run.finish_artifact(part("d"), aliases=["whole"])

    assert artifact.version == "v0"
    assert paths(artifact) == ["a", "b", "c", "d"]
    assert sorted(artifact.aliases) == ["latest", "whole"]
    assert read(artifact.download(str(tmp_path / "out")))["c"] == b"c"


def test_paths_at_which_writers_disagree_are_named(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run.upsert_artifact(part("a", "same"))
    run.upsert_artifact(part("b", "same"))
    run.upsert_artifact(part("a", content="other"))

    artifact = run.finish_artifact(part("c"))

    [told] = [each for each in caplog.messages if "different content" in each]
    assert told.endswith("1 paths were added with different content, the last one counts: a")
    assert artifact.manifest.entries["a"].size == len("other")


def test_nobody_sees_it_before_it_is_finished(run: Run) -> None:
    pending = run.upsert_artifact(part("a"))

    assert (pending.state, pending.distributed_id) == ("PENDING", "team")
    assert not Api().artifact_collection_exists("data", "dataset")
    catalog = Session(Settings.load()).catalog
    assert not [*catalog.collections("default", "proj")]
    assert not [*catalog.each("default", "proj")]
    [(name, _)] = catalog.collections("default", "proj", with_hidden=True)
    [version] = catalog.versions(CollectionName("default", "proj", name))
    assert version.row.ttl == 0  # whatever the project says, what is pending lasts
    with pytest.raises(ArtifactFinalizedError):
        pending.new_file("b").__enter__()


def test_nothing_that_nobody_added_is_finished(run: Run) -> None:
    with pytest.raises(UsageError, match="nobody added to default/proj/data"):
        run.finish_artifact(part())
    assert not Api().artifact_collection_exists("data", "dataset")


def test_the_same_again_adds_nothing(run: Run) -> None:
    for _ in range(3):
        run.upsert_artifact(part("a", "b"))

    assert paths(run.finish_artifact(part())) == ["a", "b"]


def test_what_came_last_counts(run: Run) -> None:
    run.upsert_artifact(part("a", content="first"))
    run.upsert_artifact(part("a", content="second"))

    assert run.finish_artifact(part()).get_entry("a").size == len("second")


def test_finishing_twice_is_one_version(run: Run) -> None:
    run.upsert_artifact(part("a"))
    first = run.finish_artifact(part("b"))

    for again in (part("b"), part(), part("a", "b")):
        assert run.finish_artifact(again).qualified_name == first.qualified_name
    assert versions() == ["data:v0"]


def test_finishing_again_moves_nothing_that_was_logged_since(run: Run) -> None:
    run.upsert_artifact(part("a"))
    first = run.finish_artifact(part("b"))
    later = run.log_artifact(part("x"))

    again = run.finish_artifact(part("b"))

    assert again.qualified_name == first.qualified_name
    assert Api().artifact("default/proj/data:latest").version == later.version


def test_the_next_upsert_begins_another(run: Run) -> None:
    run.upsert_artifact(part("a"))
    run.finish_artifact(part())
    run.upsert_artifact(part("b"))

    assert paths(run.finish_artifact(part())) == ["b"]
    assert versions() == ["data:v1", "data:v0"]


def test_ids_and_collections_are_apart(run: Run) -> None:
    run.upsert_artifact(part("a"), distributed_id="one")
    run.upsert_artifact(part("b"), distributed_id="two")
    run.upsert_artifact(part("c", name="other"), distributed_id="one")

    assert paths(run.finish_artifact(part(), distributed_id="two")) == ["b"]
    assert paths(run.finish_artifact(part(), distributed_id="one")) == ["a"]
    assert paths(run.finish_artifact(part(name="other"), distributed_id="one")) == ["c"]


def test_what_is_said_of_it_is_of_all(run: Run) -> None:
    first, last = part("a"), part("b")
    first.metadata, first.description = {"rows": 1}, "first"
    last.metadata = {"rows": 2}
    run.upsert_artifact(first, aliases=["x"])

    done = run.finish_artifact(last, aliases=["y"])

    assert sorted(done.aliases) == ["latest", "x", "y"]
    assert (done.metadata, done.description) == ({"rows": 2}, "first")


def test_references_are_added_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")

    run.upsert_artifact(f"file://{tmp_path}/x", "data", "dataset")

    assert run.finish_artifact(part("a")).get_entry("x").ref == f"file://{tmp_path}/x"


def test_a_uri_is_logged_like_a_path(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")

    artifact = run.log_artifact(f"file://{tmp_path}/x")

    assert artifact.name == f"run-{run.id}-x:v0"
    assert artifact.get_entry("x").ref == f"file://{tmp_path}/x"


def test_one_who_is_told_no_id_is_told_so() -> None:
    with init(project="proj") as run:
        for call in (run.upsert_artifact, run.finish_artifact):
            with pytest.raises(TypeError, match="distributed_id"):
                call(part("a"))


def test_what_is_logged_is_no_part(run: Run) -> None:
    with pytest.raises(UsageError):
        run.upsert_artifact(run.log_artifact(part("a")))


def test_a_file_that_is_a_folder_elsewhere_is_refused_in_the_end(run: Run) -> None:
    run.upsert_artifact(part("a"))
    run.upsert_artifact(part("a/b"))

    with pytest.raises(InvalidPathError):
        run.finish_artifact(part())


def test_a_collector_leaves_what_is_pending(run: Run, tmp_path: Path) -> None:
    run.upsert_artifact(part("a", content="pending" * 1_000))
    catalog = Session(Settings.load(project="proj")).catalog

    for _ in range(2):
        collect(catalog, timedelta())
    run.upsert_artifact(part("b"))

    root = run.finish_artifact(part()).download(str(tmp_path / "out"))
    assert read(root) == {"a": b"pending" * 1_000, "b": b"b"}


def test_many_who_finish_at_once_make_one_version(run: Run) -> None:
    run.upsert_artifact(part("a"))

    def finished(_: int) -> str:
        session = Session(Settings.load(project="proj"))
        draft = session.draft("data", "dataset")
        return Distributed(session, "data", "dataset", "team").finish(draft, Facts()).name

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(finished, range(8))} == {"data:v0"}


@pytest.mark.local
def test_who_finishes_at_any_call_of_another_who_finishes_makes_no_second_version(
    store: Path,
) -> None:
    counting = CountingStore(LocalStore(store))
    upsert(session_on(counting), "counted", "a")
    counting.calls.clear()
    finish(session_on(counting), "counted")

    for n in range(len(counting.calls)):
        name = f"data-{n}"
        session = session_on(LocalStore(store))
        upsert(session, name, "a")
        overtaken = Overtaken(LocalStore(store), n, partial(finish, session, name))

        version = finish(session_on(overtaken), name)

        assert [entry.path for entry in version.entries()] == ["a"]
        assert [row.number for row in version.collection.refresh().state] == [0]


@pytest.mark.local
@pytest.mark.parametrize("adds", [False, True])
def test_who_finishes_closes_what_was_begun_and_no_later_round(
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    adds: bool,  # noqa: FBT001
) -> None:
    for n in range(0, 120, 2):  # all of them take a minute
        name = f"data-{n}"
        theirs = session_on(LocalStore(store))
        upsert(theirs, name, "a")
        overtaken = Overtaken(LocalStore(store), NEVER, partial(finish_and_go_on, theirs, name))
        mine = session_on(overtaken)
        look = overtaken.counting_from(mine.writable.collection, n)
        monkeypatch.setattr(mine.writable, "collection", look)
        draft = small_draft(mine, name, "m") if adds else mine.draft(name, "dataset")

        with suppress(ConflictError) if adds else nullcontext():
            Distributed(mine, name, "dataset", "id").finish(draft, Facts())

        [only] = theirs.catalog.versions(CollectionName("default", "proj", name))
        assert {entry.path for entry in only.entries()} - {"m"} == {"a"}


def finish_and_go_on(session: Session, name: str) -> None:
    finish(session, name)
    upsert(session, name, "c")


def upsert(session: Session, name: str, path: str) -> Version:
    draft = small_draft(session, name, path)
    return Distributed(session, name, "dataset", "id").upsert(draft, Facts())


def test_who_finishes_as_another_type_changes_nothing(store: Path) -> None:
    session = session_on(LocalStore(store))
    upsert(session, "data", "a")
    late = small_draft(session, "data", "b")

    with pytest.raises(InvalidNameError):
        Distributed(session, "data", "model", "id").finish(late, Facts())

    upsert(session, "data", "c")
    assert [entry.path for entry in finish(session, "data").entries()] == ["a", "c"]


class Overtaken(CountingStore):
    """Somebody else acts before its operation number `n`, from 0."""

    def __init__(self, store: ObjectStore, n: int, act: Callable[[], object]) -> None:
        super().__init__(store)
        self._n, self._act = n, act

    def counting_from(self, first: Callable[P, T], n: int) -> Callable[P, T]:
        """Acts before operation number `n` after this found something first."""

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            found = first(*args, **kwargs)
            if found is not None and self._n == NEVER:
                self._n = len(self.calls) + n
            return found

        return call

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        if len(self.calls) == self._n:
            self._n = len(self.calls) - 1  # which is past
            self._act()
        with super()._around(operation, key):
            yield


def finish(session: Session, name: str) -> Version:
    """Adding nothing."""
    draft = session.draft(name, "dataset")
    return Distributed(session, name, "dataset", "id").finish(draft, Facts())


@pytest.mark.local
@pytest.mark.parametrize("before", [True, False])
def test_whoever_fails_at_any_call_and_is_run_again_adds_nothing_twice(
    store: Path,
    before: bool,  # noqa: FBT001
) -> None:
    lost = StorageError("k", "connection reset")
    counting = CountingStore(LocalStore(store))
    put_together(session_on(counting), "counted")

    for n in range(1 + before, len(counting.calls) + 1, 3):  # all of them take a minute
        name = f"data-{n}"
        with suppress(StorageError):  # what can do without is no matter
            put_together(session_on(FailingStore(LocalStore(store), n, lost, before=before)), name)

        version = put_together(Session(Settings.load(project="proj")), name)

        assert [entry.path for entry in version.entries()] == ["a", "b", "c"]
        assert [row.number for row in version.collection.refresh().state] == [0]


def session_on(store: ObjectStore) -> Session:
    session = Session(Settings.load(project="proj"))
    session._catalog = Catalog(store)
    return session


def put_together(session: Session, name: str) -> Version:
    shared = Distributed(session, name, "dataset", "id")
    for path in "ab":
        shared.upsert(small_draft(session, name, path), Facts())
    return shared.finish(small_draft(session, name, "c"), Facts())


def small_draft(session: Session, name: str, path: str) -> Draft:
    draft = session.draft(name, "dataset")
    draft.add_bytes(path.encode(), path)
    return draft


# Many processes


WORKERS, FILES, KILLED = 20, 1_000, 5


@pytest.mark.local
def test_twenty_processes_of_which_five_are_killed_make_one_version(
    store: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        started = [stack.enter_context(worker(n, tmp_path / f"{n}")) for n in range(WORKERS)]
        for number, process in enumerate(started[:KILLED]):
            assert process.stdout is not None
            for _ in range(number + 1):  # each after another part
                process.stdout.readline()
            process.kill()
        again = [stack.enter_context(worker(n, tmp_path / f"{n}")) for n in range(KILLED)]
        assert [process.wait(300) for process in (*started[KILLED:], *again)] == [0] * WORKERS

    with init(project="proj") as run:
        artifact = run.finish_artifact(part(), distributed_id="all")

    assert artifact.file_count == WORKERS * FILES
    assert versions() == ["data:v0"]
    found = read(artifact.download(str(tmp_path / "out")))
    assert found == {
        f"{each}/{n}": f"{each} {n}".encode() for each in range(WORKERS) for n in range(FILES)
    }


def worker(number: int, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _WORKER, str(number), str(FILES), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


_WORKER = """
import sys
from pathlib import Path
import artifacts

number, files, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
with artifacts.init(project="proj") as run:
    for first in range(0, files, files // 5):
        artifact = artifacts.Artifact("data", "dataset")
        part = folder / str(first)
        part.mkdir(parents=True, exist_ok=True)
        for n in range(first, first + files // 5):
            (part / str(n)).write_text(f"{number} {n}")
        artifact.add_dir(str(part), str(number))
        run.upsert_artifact(artifact, distributed_id="all")
        print(first, flush=True)
"""
