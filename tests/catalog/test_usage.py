"""Usage: what runs say of artifacts is read from their logs, and each event of it once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from artifacts.catalog import Catalog, RunFacts, Version, run_key
from artifacts.catalog.usage import Usage
from artifacts.errors import BrokenLogError, MalformedError, UnknownEventError
from artifacts.storage import Fold, Log, MemoryStore, ObjectStore, Proposal, Tail
from artifacts.testing import CountingStore
from catalog.commits import commit, new_store
from catalog.stores import ReadOnly

FAR = 10  # runs, of which what was read is worth keeping


def tell(catalog: Catalog, run: str, *changes: Mapping[str, Any]) -> Log:
    """The run says so, after all that it said before."""
    log = catalog.run_log("team", "proj", run_key(run))
    tail = Tail.start(log.name)
    for event in log.after(tail):
        tail = event.tail
    start = [] if tail.number else [{"kind": "started", "id": run, "path": f"team/proj/{run}"}]
    log.append(tail, Proposal([*start, *changes]))
    return log


def use(version: Version, kind: str = "used", **more: str) -> dict[str, str]:
    name = version.source_qualified_name
    told = {"kind": kind, "artifact": name, "digest": version.digest.hex(), "id": version.id}
    return told | more


def users(catalog: Catalog | ObjectStore, version: Version) -> list[str]:
    store = catalog.store if isinstance(catalog, Catalog) else catalog
    return [run.id for run in Catalog(store).used_by(version)]


def test_who_used_a_version_is_told_by_the_runs_themselves(catalog: Catalog) -> None:
    one, two = commit(catalog, "a"), commit(catalog, "b")
    tell(catalog, "r1", use(one))
    tell(catalog, "r2", use(two), use(one, **{"as": "in"}), {"kind": "finished", "state": "failed"})

    assert users(catalog, one) == ["r1", "r2"]
    [run] = Catalog(catalog.store).used_by(two)
    assert (run.state, [each.slot for each in run.used]) == ("failed", [None, "in"])


def test_a_run_that_told_no_id_is_known_by_the_name_it_told(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    old = use(version)
    del old["id"]
    tell(catalog, "r1", old)

    assert users(catalog, version) == ["r1"]


def test_a_resumed_run_goes_on(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    tell(catalog, "r1", use(version), {"kind": "finished", "state": "failed"})
    started = {"kind": "started", "id": "r1", "path": "team/proj/r1", "config": {"lr": 1}}
    tell(catalog, "r1", started)

    [run] = Catalog(catalog.store).used_by(version)
    assert (run.state, run.config) == ("running", {"lr": 1})


def test_a_run_that_takes_the_place_of_another_has_its_own_configuration(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    started = {"kind": "started", "id": "r1", "path": "team/proj/r1"}
    tell(catalog, "r1", {**started, "config": {"lr": 1, "old": 1}}, use(version))
    tell(catalog, "r1", {**started, "config": {"lr": 2}}, {"kind": "anew", "config": ["lr"]})

    [run] = Catalog(catalog.store).used_by(version)
    assert run.config == {"lr": 2}


def read_events(catalog: Catalog, version: Version) -> int:
    """How many events of runs one question reads, by a machine that has not asked before."""
    counting = CountingStore(catalog.store)
    assert len(users(counting, version)) >= FAR
    return sum(name == "read" and key.startswith("logs/run/") for name, key in counting.calls)


def test_what_was_read_once_is_not_read_again(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    for number in range(FAR):
        tell(catalog, f"r{number}", use(version))

    assert read_events(catalog, version) >= FAR
    assert read_events(catalog, version) == 0
    tell(catalog, "r3", use(version, **{"as": "again"}))
    assert 0 < read_events(catalog, version) <= 3


def test_one_catalog_reads_each_event_once(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    tell(catalog, "r1", use(version))
    counting = CountingStore(catalog.store)
    asked = Catalog(counting)
    for _ in range(3):
        assert [run.id for run in asked.used_by(version)] == ["r1"]

    reads = [key for name, key in counting.calls if name == "read" and key.endswith("0" * 12)]
    assert len([key for key in reads if "/run/" in key]) == 1


@pytest.mark.parametrize("data", [b"", b"junk", b"{}", None])
def test_what_is_kept_may_be_damaged_or_lost(catalog: Catalog, data: bytes | None) -> None:
    version = commit(catalog, "a")
    for number in range(FAR):
        tell(catalog, f"r{number}", use(version))
    before = users(catalog, version)
    [key] = catalog.store.list("cache/lineage/")
    if data is None:
        catalog.store.delete(key)
    else:
        catalog.store.write(key, data)

    assert users(catalog, version) == before


def test_what_is_kept_of_another_log_is_dropped(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    for number in range(FAR):
        tell(catalog, f"r{number}", use(version))
    users(catalog, version)
    [key] = catalog.store.list("cache/lineage/")
    kept = catalog.store.read(key)
    log = tell(catalog, "r0")
    other = new_store()
    for each in catalog.store.list():
        if not each.startswith(f"logs/{log.name}/"):
            other.write(each, catalog.store.read(each))
    other.write(key, kept)
    twin = Catalog(other)
    tell(twin, "r0", use(version))
    tell(twin, "r0", {"kind": "finished", "state": "finished"})

    states = {run.id: run.state for run in Catalog(other).used_by(version)}
    assert states["r0"] == "finished"


def test_who_may_only_read_gets_the_answer(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    for number in range(FAR):
        tell(catalog, f"r{number}", use(version))

    assert len(users(ReadOnly(catalog.store), version)) == FAR
    assert not [*catalog.store.list("cache/lineage/")]


def test_a_broken_log_of_a_run_is_named(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    log = tell(catalog, "r1", use(version))
    tell(catalog, "r1", use(version, **{"as": "x"}))
    catalog.store.delete(log.key(0))

    with pytest.raises(BrokenLogError, match=log.key(0)):
        users(catalog, version)


def test_what_newer_software_says_stops_the_reader(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    tell(catalog, "r1", {"kind": "dreamed"})

    with pytest.raises(UnknownEventError, match="dreamed"):
        users(catalog, version)


@pytest.mark.parametrize("id_", ["../../x", "0" * 32, f"{'0' * 32}-01", f"{'G' * 32}-1", 7])
def test_an_id_that_leads_elsewhere_is_refused(catalog: Catalog, id_: object) -> None:
    version = commit(catalog, "a")
    tell(catalog, "r1", {**use(version), "id": id_})

    with pytest.raises(MalformedError):
        users(catalog, version)


def test_the_logger_is_found_by_its_own_log_alone(catalog: Catalog) -> None:
    version = commit(catalog, "a", run="team/proj/r1")
    for number in range(FAR):
        tell(catalog, f"r{number}", use(version, "logged"))
    counting = CountingStore(catalog.store)

    by = Catalog(counting).logged_by(version)

    assert by is not None
    assert (by.path, by.state) == ("team/proj/r1", "running")
    assert "list" not in {name for name, _ in counting.calls}


def test_a_logger_that_told_nothing_is_known_by_its_path(catalog: Catalog) -> None:
    version = commit(catalog, "a", run="team/elsewhere/r1")

    assert Catalog(catalog.store).logged_by(version) == RunFacts("team/elsewhere/r1", state="")
    assert Catalog(catalog.store).logged_by(commit(catalog, "b")) is None


def test_keys_that_are_no_events_are_passed_by(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    tell(catalog, "r1", use(version))
    catalog.store.write("logs/run/strange/key/000000000000", b"x")

    assert users(catalog, version) == ["r1"]


def test_usage_survives_a_catalog_that_knows_the_logs(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    usage = Usage(catalog.logs)
    assert usage.runs() == []
    tell(catalog, "r1", use(version))

    assert [run.path for run in usage.runs()] == ["team/proj/r1"]
    assert isinstance(catalog.store, MemoryStore)
    assert isinstance(version.collection, Fold)
