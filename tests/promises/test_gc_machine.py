"""A long life: whatever is committed, deleted, repacked and collected, in whatever order.

A plain dictionary says what has to be there; after each step all of it is, byte by byte, and in
the end nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from threading import current_thread, main_thread

import pytest
from scene import memory_disk, noise, table

from artifacts.catalog import Catalog, Draft, Facts, Rule, Session, Version
from artifacts.catalog.upkeep.collecting import Collecting
from artifacts.catalog.upkeep.gc import Collector, collect
from artifacts.catalog.upkeep.reindex import reindex
from artifacts.catalog.upkeep.repack import repack
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import ConflictError, MissingBlobError, VerificationError
from artifacts.names import CollectionName
from artifacts.runs.delivery.delivery import Delivery
from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.line import encoded
from artifacts.runs.journal.reading import Reading
from artifacts.runs.listing.removal import delete_run
from artifacts.runs.rows.history import scan
from artifacts.settings import Settings
from artifacts.storage import LocalStore, Name, now, open_store
from artifacts.testing import EchoingStore

LIVES = max(6, int(os.environ.get("SEEDS", "0")) // 2)
STEPS = 80
OFTEN = 0.03  # of the requests of a collector, somebody else does something before it
NAMES = ("one", "two", "three")
KINDS = ("blobs", "layouts", "manifests", "pages")
CONTENTS = [noise(100 * 3**n, n) for n in range(8)] + [
    table(9000, 1),
    table(9000, 1)[:90_000] + b"inserted" + table(9000, 1)[90_000:],
    noise(4 * 2**20, 5),
]
Files = dict[str, bytes]
ROWS = "rows"  # of a run, each a letter


class Interrupted(EchoingStore):
    """Lets others do something in the midst of whatever is done in the main thread."""

    others: Callable[[], None] | None = None

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        if self.others is not None and current_thread() is main_thread():
            self.others()
        with super()._around(operation, key):
            yield


@dataclass
class Running:
    """A run that goes on; `files` is the model: what it has to have, its rows beside."""

    id: str
    journal: Journal
    delivery: Delivery
    files: Files = field(default_factory=lambda: {ROWS: b""})


@dataclass
class Life:
    """Of one store. `versions` is the model: what each version that is there has to contain."""

    store: Interrupted
    folder: Path
    random: Random
    versions: dict[tuple[str, int], Files] = field(default_factory=dict)
    drafts: list[tuple[Draft, Files, datetime]] = field(default_factory=list)
    ends: dict[tuple[str, int], datetime] = field(default_factory=dict)
    running: list[Running] = field(default_factory=list)
    runs: dict[str, Files] = field(default_factory=dict)
    begun: int = 0  # runs
    age: timedelta = timedelta(0)

    def clock(self) -> datetime:
        return now() + self.age

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.store, self.clock)

    def act(self) -> None:
        acts: dict[Callable[[], None], int] = {
            self.begin: 8,
            self.begin_from_a_version: 4,
            self.upload: 4,
            self.commit: 12,
            self.drop: 4,
            self.delete: 1,
            self.prune: 1,
            self.grow_older: 3,
            self.condemn: 4,
            self.fence: 2,
            self.go_on: 8,
            self.collect: 2,
            self.repack: 2,
            self.reindex: 1,
            self.begin_a_run: 2,
            self.log: 6,
            self.log_among_others: 4,
            self.finish: 1,
            self.delete_a_run: 1,
            self.put_late: 3,
            self.delete_late: 3,
        }
        self.random.choices([*acts], [*acts.values()])[0]()
        self.versions = {
            key: files
            for key, files in self.versions.items()
            if self.ends.get(key, self.clock() + timedelta(1)) > self.clock()
        }

    @contextmanager
    def among_others(self) -> Iterator[None]:
        """Meanwhile, now and then, somebody else commits, deletes, or collects as well."""
        acts: list[Callable[[], None]] = [self.begin, self.upload, self.commit, self.commit]
        acts += [self.drop, self.condemn, self.fence, self.put_late, self.delete_late]
        acts += [self.begin_a_run, self.log, self.log, self.finish, self.delete_a_run]

        def others() -> None:
            if self.random.random() < OFTEN:
                self.store.others = None
                self.random.choice(acts)()
                self.store.others = others

        before, self.store.others = self.store.others, others
        try:
            yield
        finally:
            self.store.others = before

    @contextmanager
    def unless_nothing_is_named(self) -> Iterator[None]:
        """Then what whoever died left behind looks like a store that lost its logs."""
        try:
            yield
        except VerificationError:
            assert not self.catalog.logs.all_projects().state.ids

    # Writers

    def begin(self) -> None:
        draft, files = self.draft(), self.some()
        for path, data in files.items():
            source = self.folder / "source"
            source.write_bytes(data)
            draft.add_file(source, path)
        self.drafts.append((draft, files, self.clock()))

    def begin_from_a_version(self) -> None:
        if self.versions:
            key = self.random.choice([*self.versions])
            draft, files = self.draft(key[0]), dict(self.versions[key])
            draft.adopt(self.version(*key))
            more = self.some()
            for path, data in more.items():
                draft.add_bytes(data, f"more/{path}", overwrite=True)
                files[f"more/{path}"] = data
            self.drafts.append((draft, files, self.clock()))

    def upload(self) -> None:
        """What was added so far lies in the store, and nothing leads to it yet."""
        if self.drafts:
            with suppress(MissingBlobError):
                self.random.choice(self.drafts)[0].intake.close()

    def commit(self) -> None:
        if not self.drafts:
            return
        draft, files, _ = self.drafts.pop(self.random.randrange(len(self.drafts)))
        ttl = self.random.choice((None, None, None, 5 * 86400))
        try:
            version = self.catalog.commit(draft, "team", "proj", Facts(ttl=ttl))
        except MissingBlobError:
            assert version_was_deleted(draft), "only what was given up may be missing"
            return
        key = (draft.name, version.row.number)
        assert self.versions.get(key, files) == files
        self.versions[key] = files
        if version.row.ttl:
            created = datetime.fromisoformat(version.row.created)
            self.ends[key] = created + timedelta(seconds=version.row.ttl)

    def draft(self, name: str = "") -> Draft:
        catalog, name = self.catalog, name or self.random.choice(NAMES)
        draft = Draft(name, "dataset", catalog.intake(self.folder / "cache"))
        if (base := catalog.base(CollectionName("team", "proj", name))) is not None:
            draft.intake.base = base.placed
        return draft

    def some(self) -> Files:
        count = self.random.randint(1, 4)
        return {f"{n}": self.random.choice(CONTENTS) for n in range(count)}

    # Runs

    @property
    def session(self) -> Session:
        catalog = self.catalog

        class Here(Session):
            writable = catalog

        return Here(Settings(store="here", entity="team", project="proj"))

    def begin_a_run(self) -> None:
        id_ = f"run{self.begun}"
        self.begun += 1
        about = {"entity": "team", "project": "proj", "run": id_, "store": "here"}
        journal = Journal(self.folder / id_, about)
        facts = {"id": id_, "path": f"team/proj/{id_}", "step": 0, "time": 0.0}
        journal.write(encoded({"note": "started", "facts": facts}))
        delivery = Delivery(self.session, Reading(self.folder / id_, id_))
        delivery.deliver()
        self.running.append(Running(id_, journal, delivery))
        self.runs[id_] = self.running[-1].files

    def log(self) -> None:
        """Whoever is asked to in the midst of it cannot be asked for this run as well."""
        if not self.running:
            return
        run = self.running.pop(self.random.randrange(len(self.running)))
        for path, data in self.some().items():
            run.journal.row(len(run.files[ROWS]), {"text": path})
            run.files[ROWS] += path.encode()
            source = self.folder / run.id / path
            source.write_bytes(data)
            run.journal.write(encoded({"file": path, "path": str(source)}))
            run.files[path] = data
        with suppress(ConflictError):  # collections of garbage, one after the other
            run.delivery.deliver()
        self.store.others, others = None, self.store.others
        run.delivery.deliver()
        self.store.others = others
        self.running.append(run)

    def log_among_others(self) -> None:
        with self.among_others():
            self.log()

    def finish(self) -> None:
        if self.running:
            run = self.running.pop(self.random.randrange(len(self.running)))
            run.delivery.compact()
            run.journal.close()

    def delete_a_run(self) -> None:
        if self.runs:
            id_ = self.random.choice([*self.runs])
            if all(run.id != id_ for run in self.running):
                delete_run(self.session, "team", "proj", id_)
                del self.runs[id_]

    # Whoever deletes

    def drop(self) -> None:
        if self.versions:
            key = self.random.choice([*self.versions])
            self.catalog.drop(self.version(*key), with_aliases=True)
            del self.versions[key]

    def delete(self) -> None:
        names = {name for name, _ in self.versions}
        if names:
            name = self.random.choice(sorted(names))
            self.catalog.delete(CollectionName("team", "proj", name))
            self.versions = {key: files for key, files in self.versions.items() if key[0] != name}

    def prune(self) -> None:
        for name in sorted({name for name, _ in self.versions}):
            gone = self.catalog.prune(CollectionName("team", "proj", name), Rule(keep=4))
            for row in gone:
                self.versions.pop((name, row.number), None)

    def grow_older(self) -> None:
        self.age += timedelta(days=self.random.randint(1, 4))

    # Collectors and others who look after the store

    def condemn(self) -> None:
        collector = Collector(self.catalog)
        if collector.open is None:
            with self.unless_nothing_is_named():
                collector.condemn(Collecting(), timedelta(0))

    def fence(self) -> None:
        collector = Collector(self.catalog)
        if (generation := collector.open) is not None:
            collector.fence(generation.epoch)

    def go_on(self) -> None:
        with self.among_others(), self.unless_nothing_is_named():
            Collector(self.catalog).go_on(Collecting(), timedelta(0))

    def collect(self) -> None:
        with self.among_others(), self.unless_nothing_is_named():
            collect(self.catalog, timedelta(days=self.random.choice((0, 0, 2, 7))))

    def repack(self) -> None:
        with self.among_others(), suppress(ConflictError):
            repack(self.catalog, 0.9)

    def reindex(self) -> None:
        reindex(self.catalog)

    def put_late(self) -> None:
        """A request to put that nobody waits for any more."""
        keys = [key for key in self.store.puts if Name.of_key(key)]
        if keys:
            self.store.put_again(self.random.choice(keys))

    def delete_late(self) -> None:
        keys = [key for key in self.store.deletes if Name.of_key(key)]
        if keys:
            self.store.delete_again(self.random.choice(keys))

    # What has to be

    def version(self, name: str, number: int) -> Version:
        [found] = [
            version
            for version in self.catalog.versions(CollectionName("team", "proj", name))
            if version.row.number == number
        ]
        return found

    def check(self) -> None:
        found = {
            (name, version.row.number): {
                entry.path: b"".join(version.read(entry.path)) for entry in version.entries()
            }
            for name in NAMES
            if self.catalog.collection(CollectionName("team", "proj", name)) is not None
            for version in self.catalog.versions(CollectionName("team", "proj", name))
        }
        assert found == self.versions
        assert {id_: self.files_of(id_) for id_ in self.runs} == self.runs

    def files_of(self, id_: str) -> Files:
        fold = self.catalog.run("team", "proj", id_)
        assert fold is not None
        state = fold.state
        rows = "".join(row["text"] for row in scan(state, self.store))
        files = {name: self.store.read(file.blob.key) for name, file in state.files.items()}
        return {ROWS: rows.encode(), **files}

    def end(self) -> None:
        """All garbage goes, and nothing else."""
        for _ in range(2):  # a generation that was begun, and one of what came since
            collect(self.catalog, timedelta(0))
        self.check()
        assert verify_store(self.catalog).problems == []
        reached = Collector(self.catalog).mark(Collecting())
        names = [
            name
            for kind in KINDS
            for key in self.store.list(f"{kind}/")
            if (name := Name.of_key(key)) is not None
        ]
        assert [name for name in names if name not in reached] == []
        assert self.drafts or names or not self.versions


def version_was_deleted(draft: Draft) -> bool:
    """Its epoch is newer than what it adopted: a collector came between."""
    return draft.intake.epoch.number > 0


@pytest.mark.local
@pytest.mark.parametrize("seed", range(LIVES))
def test_nothing_that_was_committed_is_ever_lost(tmp_path: Path, seed: int) -> None:
    with memory_disk(tmp_path) as disk:
        open_store(str(disk / "store"), create=True)
        life = Life(Interrupted(LocalStore(disk / "store")), disk, Random(seed))
        for _ in range(STEPS):
            life.act()
            life.check()
        life.end()
