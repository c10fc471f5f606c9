"""Rehearsal: its figures are those of the run that follows, and nothing is touched."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from artifacts.catalog import Catalog, Facts
from artifacts.catalog.upkeep.collecting import Collecting
from artifacts.catalog.upkeep.gc import Collector, collect
from artifacts.catalog.upkeep.reach import needed
from artifacts.errors import VerificationError
from artifacts.storage import now
from catalog.machines import Machines

HOUR = timedelta(hours=1)
OVER = {"gone": Random(1).randbytes(4000), "too": Random(2).randbytes(3000)}
KEPT = {"kept": Random(3).randbytes(5000)}
MANY = {Random(n).randbytes(60).hex(): Random(-n).randbytes(10) for n in range(300)}
OTHER = {"other": Random(4).randbytes(6000)}


def at(machines: Machines, hours: float) -> Catalog:
    return Catalog(machines.store, lambda: now() + timedelta(hours=hours))


def put_for_an_hour(machines: Machines, name: str, files: dict[str, bytes]) -> None:
    draft = machines.draft(name)
    for path, data in files.items():
        draft.add_bytes(data, path)
    machines.catalog.commit(draft, "team", "proj", Facts(ttl=3600))


def put_and_end(machines: Machines) -> None:
    """A version that is over within an hour, and its successor."""
    put_for_an_hour(machines, "data", OVER)
    machines.put("data", KEPT)


@pytest.mark.parametrize("hours", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("grace", [timedelta(0), HOUR, 2 * HOUR], ids=["none", "1h", "2h"])
def test_it_tells_what_the_same_run_does(
    machines: Machines, grace: timedelta, hours: float
) -> None:
    put_and_end(machines)
    machines.put("other", OTHER)
    machines.delete("other")
    before = {key: machines.store.read(key) for key in machines.store.list()}

    told = collect(at(machines, hours), grace, is_dry=True)

    assert {key: machines.store.read(key) for key in machines.store.list()} == before
    done = collect(at(machines, hours), grace)
    assert (told.expired, told.versions) == (done.expired, done.versions)
    assert (told.freed, told.condemned, told.waiting) == (done.freed, done.condemned, done.waiting)
    assert (told.due is None, told.ripe) == (done.due is None, done.ripe)
    assert (hours > 1) == (done.expired == ["team/proj/data:v0"])


def test_what_is_condemned_and_what_is_over_since_are_told(machines: Machines) -> None:
    machines.put("other", OTHER)
    machines.delete("other")
    collect(at(machines, 1.5), HOUR)
    put_and_end(machines)

    waits = collect(at(machines, 2), HOUR, is_dry=True)
    due = collect(at(machines, 3), HOUR, is_dry=True)
    done = collect(at(machines, 3), HOUR)

    assert waits.waiting == due.condemned == done.condemned
    assert waits.condemned == due.freed == done.freed
    assert done.condemned.objects > 0
    assert machines.read("data") == KEPT


def test_a_version_that_is_over_and_cannot_be_read_stops_nothing(machines: Machines) -> None:
    put_for_an_hour(machines, "data", MANY)
    [page, *_] = machines.store.list("pages/")
    machines.put("data", KEPT)
    machines.store.write(page, b"damaged")

    with pytest.raises(VerificationError, match="data:v0"):
        collect(at(machines, 0.5), HOUR, is_dry=True)

    told = collect(at(machines, 2), timedelta(0), is_dry=True)
    assert told.freed == collect(at(machines, 2), timedelta(0)).freed
    assert machines.read("data") == KEPT


def test_what_stays_live_for_others_is_not_told_as_freed(machines: Machines) -> None:
    """Content of a version that is over, which another has too, where it lies."""
    put_for_an_hour(machines, "data", OVER)
    machines.share(machines.versions("data")[0], "few", [*OVER])

    told = collect(at(machines, 2), timedelta(0), is_dry=True)
    done = collect(at(machines, 2), timedelta(0))

    assert told.freed == done.freed
    assert machines.read("few") == OVER


def test_what_it_left_out_is_live_for_the_collector_still(machines: Machines) -> None:
    put_and_end(machines)
    collector = Collector(at(machines, 2))

    assert collector.rehearse(timedelta(0)).freed.objects > 0

    assert collector.mark(done := Collecting()) == needed(machines.catalog.logs)
    assert done.versions == 2
    assert not collector.condemn(Collecting(), timedelta(0))


def test_a_list_that_is_gone_is_passed_over_as_by_the_run(machines: Machines) -> None:
    machines.put("other", OTHER)
    machines.delete("other")
    assert Collector(machines.catalog).condemn(Collecting(), timedelta(0))
    for key in [*machines.store.list("condemned/")]:
        machines.store.delete(key)

    told = collect(at(machines, 1), timedelta(0), is_dry=True)

    assert told.freed.objects == 1
    assert told.freed == collect(at(machines, 1), timedelta(0)).freed
