"""Gc: what nothing reaches goes once it is old, and nothing else ever does."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from artifacts.catalog import Catalog, Draft, Facts, Version
from artifacts.catalog.upkeep.collecting import Collecting
from artifacts.catalog.upkeep.condemned import Tally
from artifacts.catalog.upkeep.gc import Collector, collect
from artifacts.catalog.upkeep.repack import repack
from artifacts.content import Digest
from artifacts.errors import (
    ArtifactNotFoundError,
    ConflictError,
    MalformedError,
    MissingBlobError,
    UnknownEventError,
    UnsupportedStoreError,
    VerificationError,
)
from artifacts.names import ArtifactName
from artifacts.storage import (
    BLOBS,
    ChunkLists,
    ChunkRows,
    Condemned,
    Index,
    LocalStore,
    Log,
    Name,
    Proposal,
    Tail,
    now,
    write_condemned,
)
from artifacts.testing import CountingStore, TimelineStore
from catalog.machines import Machines, collection

AT_ONCE = timedelta(0)
WEEK = timedelta(days=7)
KEPT = {"kept": Random(1).randbytes(3000), "same": Random(2).randbytes(4000)}
GONE = {"gone": Random(3).randbytes(90_000), "same": KEPT["same"]}
SOLO = {"solo": Random(4).randbytes(5 * 2**20)}
TABLE = {"table": b"".join(b"%d,%d\n" % (n, n * n) for n in range(40_000))}
MANY = {Random(n).randbytes(60).hex(): Random(-n).randbytes(10) for n in range(300)}
ALONE = {"alone": GONE["gone"]}


def drop(machines: Machines, name: str, number: int = 0) -> None:
    machines.catalog.drop(machines.versions(name)[number], with_aliases=True)


def put_and_drop(machines: Machines, files: dict[str, bytes]) -> None:
    """A version that is deleted, as another followed."""
    machines.put("data", files)
    machines.put("data", KEPT)
    drop(machines, "data")


def drafted(machines: Machines, files: dict[str, bytes]) -> Draft:
    """Of bytes, of which nothing is committed yet."""
    draft = machines.draft("data")
    for path, data in files.items():
        draft.add_bytes(data, path)
    return draft


def share_and_delete(machines: Machines, files: dict[str, bytes]) -> Version:
    """A version that has one file of a deleted collection, where it lay."""
    shared = machines.share(machines.put("data", files), "few", ["same"])
    machines.delete("data")
    return shared


def draft_of_deleted(machines: Machines, files: dict[str, bytes], name: str = "data") -> Draft:
    """Its files are in the store, and nobody else's any more."""
    machines.put("data", KEPT)
    machines.put("other", files)
    draft = machines.draft(name)
    draft.adopt(machines.versions("other")[0])
    machines.delete("other")
    return draft


def delete_and_collect(machines: Machines, name: str) -> None:
    machines.delete(name)
    collect(machines.catalog, AT_ONCE)


def begun(machines: Machines) -> Collector:
    """One that condemned what nothing reaches, and has deleted nothing of it yet."""
    collector = Collector(machines.catalog)
    assert collector.condemn(Collecting(), AT_ONCE)
    return collector


def later(time: timedelta) -> Callable[[], datetime]:
    return lambda: now() + time


def garbage(machines: Machines) -> set[str]:
    """Keys of what no version needs, as a machine that has never heard of collecting finds it."""
    held: set[str] = set()
    for _, project in machines.catalog.projects():
        for name, _ in machines.catalog.collections("team", project):
            for version in machines.catalog.versions(collection(name)):
                layout = version.layout
                held |= {version.row.manifest.key, version.row.layout.key}
                held |= {each.key for each in (*layout.pages, *layout.layouts)}
                for position, page, _ in version.pages():
                    held |= {each.key for each in version.page_layout(position, page).names(page)}
    kinds = ("blobs/", "layouts/", "manifests/", "pages/")
    return {key for kind in kinds for key in machines.store.list(kind)} - held


@pytest.mark.parametrize(
    "files", [ALONE, SOLO, TABLE, MANY], ids=["small", "solo", "table", "many"]
)
def test_what_only_a_deleted_version_needed_is_freed(
    machines: Machines, files: dict[str, bytes]
) -> None:
    machines.put("data", files)
    machines.put("data", KEPT)
    before = sum(machines.store.size(key) for key in machines.store.list("blobs/"))
    drop(machines, "data")
    doomed = garbage(machines)

    done = collect(machines.catalog, AT_ONCE)

    after = sum(machines.store.size(key) for key in machines.store.list("blobs/"))
    assert garbage(machines) == set()
    assert (done.freed.objects, done.condemned.objects) == (len(doomed), 0)
    assert done.freed.size >= before - after > 0
    assert machines.read("data") == KEPT
    assert machines.problems() == []
    assert [*ChunkLists(machines.store).blobs()] == []


def test_of_a_deleted_collection_nothing_is_left(machines: Machines) -> None:
    for files in (KEPT, SOLO, TABLE, MANY):
        machines.put("data", files)
    machines.delete("data")

    done = collect(machines.catalog, AT_ONCE)

    assert done.versions == 0
    assert garbage(machines) == set()
    assert [*machines.store.list("blobs/")] == []
    assert collect(machines.catalog, AT_ONCE) == Collecting()


def test_it_takes_two_runs_that_are_the_grace_apart(machines: Machines) -> None:
    put_and_drop(machines, ALONE)
    doomed = garbage(machines)

    def run(days: float) -> Collecting:
        return collect(Catalog(machines.store, later(timedelta(days=days))), WEEK)

    early = run(1)  # all of it is too young
    assert (early.condemned, early.freed, early.due) == (Tally(), Tally(), None)
    first = run(8)
    assert (early.waiting, first.waiting) == (first.condemned, Tally())
    assert early.ripe is not None
    assert now() < early.ripe <= now() + WEEK
    assert (first.condemned.objects, first.freed.objects) == (len(doomed), 0)
    assert first.due is not None
    again = run(14)
    assert (again.condemned, again.due, again.freed.objects) == (first.condemned, first.due, 0)
    assert garbage(machines) == doomed
    last = run(16)
    assert (last.freed, last.due) == (first.condemned, None)
    assert garbage(machines) == set()
    assert machines.read("data") == KEPT


def test_a_dry_run_tells_and_does_nothing(machines: Machines) -> None:
    put_and_drop(machines, ALONE)
    before = sorted(machines.store.list())

    told = collect(machines.catalog, AT_ONCE, is_dry=True)

    assert sorted(machines.store.list()) == before
    assert told.condemned == Tally()
    assert told.freed == collect(machines.catalog, AT_ONCE).freed


def test_a_dry_run_tells_until_when_garbage_waits(machines: Machines) -> None:
    put_and_drop(machines, ALONE)
    doomed = garbage(machines)

    def look(days: float) -> Collecting:
        return collect(Catalog(machines.store, later(timedelta(days=days))), WEEK, is_dry=True)

    young, old = look(1), look(8)
    assert (young.waiting.objects, young.condemned.objects) == (len(doomed), 0)
    assert (old.waiting.objects, old.condemned.objects) == (0, len(doomed))
    assert old.due is not None
    assert timedelta(days=14.9) < old.due - now() < timedelta(days=15.1)
    collect(Catalog(machines.store, later(timedelta(days=8))), WEEK)
    machines.put("later", SOLO)
    machines.delete("later")
    waits = look(9)
    assert waits.condemned == old.condemned
    assert waits.waiting.objects > 0  # old enough, but one generation comes after the other
    assert waits.ripe == waits.due


@pytest.mark.parametrize("files", [GONE, SOLO, TABLE, MANY], ids=["small", "solo", "table", "many"])
def test_a_draft_that_was_begun_before_is_committed_whole(
    machines: Machines, files: dict[str, bytes]
) -> None:
    """Its content was in the store, then condemned; nobody deleted it yet."""
    draft = draft_of_deleted(machines, files)
    collector = begun(machines)
    collector.go_on(Collecting(), WEEK)

    version = machines.commit(draft)

    collector.go_on(Collecting(), AT_ONCE)
    assert machines.read("data", 1) == files
    assert version.collection.state.fence == 1
    assert all(name.epoch == 1 for name in machines.blobs_of("data") - machines.base_blobs())
    assert machines.problems() == []


def test_a_draft_whose_content_was_deleted_meanwhile_says_so(machines: Machines) -> None:
    draft = draft_of_deleted(machines, GONE)
    collect(machines.catalog, AT_ONCE)

    with pytest.raises(MissingBlobError, match="add its files again"):
        machines.commit(draft)

    assert machines.put("data", GONE).name == "data:v1"
    assert machines.read("data", 1) == GONE


def test_files_that_are_added_during_a_collection_are_kept(machines: Machines) -> None:
    """They lie in the store already, as nobody's, when the collector looks."""
    machines.put("data", KEPT)
    draft = drafted(machines, {"gone": GONE["gone"]})
    draft.intake.close()
    assert len(garbage(machines)) == 1
    collector = begun(machines)

    version = machines.commit(draft)  # before the fence

    collector.go_on(Collecting(), AT_ONCE)
    assert version.name == "data:v1"
    assert machines.read("data", 1) == {"gone": GONE["gone"]}


@pytest.mark.parametrize("files", [GONE, SOLO, TABLE, MANY], ids=["small", "solo", "table", "many"])
def test_condemned_content_comes_again_under_a_new_name(
    machines: Machines, files: dict[str, bytes]
) -> None:
    machines.put("data", files)
    first = machines.blobs_of("data")
    delete_and_collect(machines, "data")
    condemned = {name.key for name in first}

    machines.put("data", files)
    kept = machines.blobs()
    machines.put("more", files)

    assert condemned.isdisjoint(name.key for name in kept)
    assert machines.blobs() == kept, "it is found under its new name"
    assert machines.read("data") == machines.read("more") == files
    assert garbage(machines) == set()
    assert machines.problems() == []


def test_a_version_that_cannot_be_read_stops_it(machines: Machines) -> None:
    machines.put("data", MANY)
    machines.put("other", GONE)
    machines.delete("other")
    [page, *_] = machines.store.list("pages/")
    kept = machines.store.read(page)
    machines.store.write(page, b"damaged")
    before = sorted(machines.store.list("blobs/"))

    with pytest.raises(VerificationError, match="data:v0"):
        collect(machines.catalog, AT_ONCE)

    assert sorted(machines.store.list("blobs/")) == before
    machines.store.write(page, kept)
    assert collect(machines.catalog, AT_ONCE).freed.objects


def test_logs_of_a_newer_software_stop_it(machines: Machines) -> None:
    machines.put("data", GONE)
    machines.delete("data")
    log = Log(machines.store, "newer/00")
    log.append(Tail.start(log.name), Proposal([{"kind": "holds"}]))

    with pytest.raises(UnknownEventError, match="newer"):
        collect(machines.catalog, AT_ONCE)

    assert garbage(machines) != set()


def test_a_checkpoint_that_lies_deletes_nothing(machines: Machines) -> None:
    """What is deleted is decided by logs alone."""
    for number in range(70):
        machines.put("data", {"file": b"%d" % number})
    [head] = machines.store.list("cache/heads/collection/")
    kept = machines.store.read(head)
    drop(machines, "data")
    collect(machines.catalog, AT_ONCE)
    machines.store.write(head, kept)

    collect(machines.catalog, AT_ONCE)

    assert machines.read("data", -1) == {"file": b"69"}
    assert machines.problems() == []


def test_where_nobody_may_write_no_version_is_dropped(machines: Machines) -> None:
    class Forgetful(CountingStore):
        def create(self, key: str, data: bytes) -> None:
            self.write(key, data)  # whatever was there

    draft = drafted(machines, {"kept": KEPT["kept"]})
    machines.catalog.commit(draft, "team", "proj", Facts(ttl=60))
    before = sorted(machines.store.list("logs/"))

    with pytest.raises(UnsupportedStoreError):
        collect(Catalog(Forgetful(machines.store), later(WEEK)), AT_ONCE)

    assert sorted(machines.store.list("logs/")) == before


def test_many_collectors_and_writers_at_once(machines: Machines) -> None:
    for name in range(4):
        machines.put(f"old-{name}", {"file": Random(name).randbytes(5000)})
        machines.delete(f"old-{name}")

    def write(number: int) -> None:
        for turn in range(4):
            name = f"new-{number % 3}"
            machines.put(name, {"file": Random(turn).randbytes(5000), "n": b"%d" % number})

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        collectors = [pool.submit(collect, machines.catalog, AT_ONCE) for _ in range(4)]
        for writer in writers:
            writer.result()
        for collector in collectors:
            collector.result()
    collect(machines.catalog, AT_ONCE)

    for name in range(3):
        for version in machines.versions(f"new-{name}"):
            assert {*b"".join(version.read("n"))} <= {*b"0123"}
    assert machines.problems() == []
    assert garbage(machines) == set()


def test_a_far_store_is_collected_with_many_requests_at_once(machines: Machines) -> None:
    put_and_drop(machines, MANY)
    doomed = garbage(machines)

    done = collect(Catalog(TimelineStore(machines.store, 0)), AT_ONCE)

    assert done.freed.objects == len(doomed)
    assert garbage(machines) == set()
    assert machines.read("data") == KEPT


def test_repacking_leaves_old_packs_to_it(machines: Machines) -> None:
    share_and_delete(machines, GONE | SOLO | MANY)
    repack(machines.catalog)

    collect(machines.catalog, AT_ONCE)

    assert machines.read("few") == {"same": GONE["same"]}
    assert sum(machines.blobs().values()) == len(GONE["same"])
    assert machines.problems() == []


def test_a_repacking_that_a_collection_overtakes_stops(machines: Machines) -> None:
    share_and_delete(machines, GONE | MANY)
    machines.put("other", SOLO)
    machines.delete("other")

    class Overtaken(CountingStore):
        def take(self, key: str, path: Path) -> None:
            super().take(key, path)
            collect(machines.catalog, AT_ONCE)

    with pytest.raises(ConflictError, match="repack again"):
        repack(Catalog(Overtaken(machines.store)))

    assert machines.read("few") == {"same": GONE["same"]}
    assert repack(machines.catalog).versions == 1
    collect(machines.catalog, AT_ONCE)
    assert machines.read("few") == {"same": GONE["same"]}
    assert machines.problems() == []


def test_a_new_collection_heeds_a_fence_that_it_never_saw(machines: Machines) -> None:
    """Who is late commits to a log that was made after the collector listed all logs."""
    late = draft_of_deleted(machines, GONE, "new")
    collector = begun(machines)
    collector.fence(1)
    machines.put("new", KEPT)

    machines.commit(late)

    collector.go_on(Collecting(), AT_ONCE)
    assert machines.read("new", 1) == GONE
    assert machines.versions("new")[0].collection.state.fence == 1


def test_a_fence_that_only_a_checkpoint_tells_of_is_heeded_too(machines: Machines) -> None:
    """Who made a collection died before its log had an event; who is late comes upon its name."""
    late = draft_of_deleted(machines, GONE, "new")
    collector = begun(machines)
    directory = machines.catalog.logs.project("team", "proj")
    assert directory is not None
    added = {"kind": "added", "name": "new", "id": "ab" * 16, "type": "dataset"}
    collector.fence(1)  # of all logs that there are
    directory.append(Proposal([added], epoch=1))
    while f"cache/heads/{directory.log.name}" not in machines.store.list("cache/heads/directory/"):
        directory.append(Proposal([{"kind": "retained", "ttl": None}]))
    reached = collector.mark(Collecting())

    machines.commit(late)

    collector.sweep(collector.generation(1), reached)
    assert machines.read("new") == GONE


def test_what_caches_no_longer_need_goes_too(machines: Machines) -> None:
    machines.put("data", TABLE)
    [blob, *_] = machines.blobs()
    machines.store.write("cache/index/ab/" + "ab" * 32, b"of somebody who died")
    machines.store.write("cache/rows/cd/" + "cd" * 32, b"of a checkpoint that was replaced")
    lists = ChunkLists(machines.store)
    lists.put(type(blob)(blob.kind, blob.digest, 7), ChunkRows())

    assert collect(machines.catalog, AT_ONCE).caches == 3

    assert [*lists.blobs()] == [blob]
    assert Index(machines.store).unlisted() == []
    assert collect(machines.catalog, AT_ONCE).caches == 0


def test_who_has_an_old_layout_at_hand_reads_on(machines: Machines) -> None:
    """A reader whose bytes were laid out anew, and then collected, looks once more."""
    shared = share_and_delete(machines, GONE | MANY)
    repack(machines.catalog)
    collect(machines.catalog, AT_ONCE)

    assert b"".join(shared.read("same")) == GONE["same"]


def test_a_deleted_version_is_told_of(machines: Machines) -> None:
    machines.put("data", GONE)
    version = machines.put("data", KEPT)
    drop(machines, "data", 1)

    with pytest.raises(ArtifactNotFoundError, match="v1 was deleted"):
        machines.catalog.resolve(ArtifactName("team", "proj", "data", "v1"))

    assert (
        machines.catalog.resolve(ArtifactName("team", "proj", "data", "latest")).name == "data:v0"
    )
    machines.catalog.drop(version)  # again
    assert machines.put("data", KEPT).name == "data:v2"


def test_drafts_of_other_epochs_share_an_intake(machines: Machines) -> None:
    """A draft whose commit was refused and renewed can be added to, and committed again."""
    draft = drafted(machines, {"gone": GONE["gone"]})
    machines.put("other", SOLO)
    delete_and_collect(machines, "other")
    machines.commit(draft)

    more = Draft("data", "dataset", draft.intake, draft.rows)
    more.add_bytes(KEPT["kept"], "kept")
    machines.commit(more)

    assert draft.intake.epoch.number == 1
    assert machines.read("data", 1) == {"gone": GONE["gone"], "kept": KEPT["kept"]}


def test_what_is_added_after_a_refused_commit_gets_no_condemned_name(machines: Machines) -> None:
    draft = drafted(machines, {"kept": KEPT["kept"]})
    machines.put("other", ALONE)
    [condemned] = machines.blobs_of("other")
    delete_and_collect(machines, "other")
    machines.commit(draft)
    draft.add_bytes(ALONE["alone"], "alone")

    machines.commit(draft)

    assert condemned not in machines.blobs()
    assert machines.read("data", 1) == {"kept": KEPT["kept"]} | ALONE


def live_cycle(machines: Machines, number: int) -> None:
    """A version comes, is deleted and is collected at once."""
    version = machines.put("data", {"f": b"%d" % number * 900})
    machines.catalog.drop(version, with_aliases=True)
    collect(machines.catalog, AT_ONCE)


def age_lists(machines: Machines) -> None:
    """Those of what is condemned that there are become old."""
    assert isinstance(machines.store, LocalStore)
    for key in [*machines.store.list("condemned/")]:
        os.utime(machines.store.path(key), (10**9, 10**9))


def test_a_writer_reads_one_list_however_many_generations_there_were(machines: Machines) -> None:
    for number in range(5):
        live_cycle(machines, number)
    counting = CountingStore(machines.store)

    epoch = Catalog(counting).epoch()

    assert epoch.number == 5
    pack = Name(BLOBS, Digest.of(b"0" * 900))
    assert epoch.forbids(pack)
    assert not epoch.forbids(Name(BLOBS, Digest.of(b"nobody's")))
    read = [
        key for operation, key in counting.calls if (operation, key[:9]) == ("read", "condemned")
    ]
    assert len(read) == 1


def test_lists_that_nobody_wants_go_once_they_are_old(machines: Machines) -> None:
    [dead] = write_condemned(machines.store, [Condemned(Name(BLOBS, Digest.of(b"dead")), 4)])
    for number in range(3):
        live_cycle(machines, number)
    # it is young: its collector may be about to name it
    assert dead.key in machines.store.list("condemned/")
    age_lists(machines)

    live_cycle(machines, 3)

    left = {*machines.store.list("condemned/")}
    state = machines.catalog.logs.generations.refresh().state
    assert left == {name.key for name in state.named}
    assert len(left) == 4  # names and keys of this generation and the one before
    assert machines.catalog.epoch().forbids(Name(BLOBS, Digest.of(b"0" * 900)))


def test_who_began_before_lists_went_commits_all_the_same(machines: Machines) -> None:
    live_cycle(machines, 0)
    draft = machines.draft("data")
    for number in range(1, 4):
        live_cycle(machines, number)
        age_lists(machines)
    draft.add_bytes(b"0" * 900, "f")
    draft.add_bytes(b"new", "new")

    version = machines.commit(draft)

    assert {path: b"".join(version.read(path)) for path in ("f", "new")} == {
        "f": b"0" * 900,
        "new": b"new",
    }
    assert machines.problems() == []


def test_large_content_that_came_again_is_found_by_machines_that_never_saw_it(
    machines: Machines,
) -> None:
    machines.put("data", SOLO)
    drop(machines, "data")
    collect(machines.catalog, AT_ONCE)
    machines.put("data", SOLO)
    live = {*machines.store.list("blobs/")}
    for number in range(2, 4):
        live_cycle(machines, number)

    machines.put("other", SOLO)

    assert {*machines.store.list("blobs/")} == live


def test_a_generation_whose_time_nobody_can_compare_is_malformed(machines: Machines) -> None:
    machines.put("data", GONE)
    drop(machines, "data")
    naive = datetime(2024, 1, 1)  # noqa: DTZ001 - that is what is wrong with it
    log = Log(machines.store, "gc/root", lambda: naive)
    change = {"kind": "condemned", "epoch": 1, "lists": [], "objects": 0, "size": 0}
    log.append(Tail.start(log.name), Proposal([change]))

    with pytest.raises(MalformedError, match="offset"):
        collect(machines.catalog, AT_ONCE)
