"""Retention: versions end when their time is over, or when a rule keeps them no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from artifacts.catalog import FOR_EVER, Catalog, Draft, Facts, Rule, Version
from artifacts.catalog.upkeep.gc import collect
from artifacts.errors import AliasedError, ArtifactNotFoundError, CommError, UsageError
from artifacts.names import ArtifactName
from artifacts.storage import MemoryStore, Proposal, opened
from catalog.machines import collection

DATA = collection("data")
DAY_S = 86400


class Calendar:
    def __init__(self) -> None:
        self.now = datetime(2025, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def catalog(calendar: Calendar) -> Catalog:
    return Catalog(opened(MemoryStore(), create=True), calendar)


def put(catalog: Catalog, content: str, **facts: Any) -> Version:  # noqa: ANN401 - those of Facts
    draft = Draft("data", "dataset", catalog.intake(Path("/nowhere")))
    draft.add_bytes(content.encode(), "file")
    return catalog.commit(draft, "team", "proj", Facts(**facts))


def names(catalog: Catalog) -> list[str]:
    """Of all versions, oldest first."""
    return [version.name for version in catalog.versions(DATA)][::-1]


def resolve(catalog: Catalog, version: str) -> Version:
    return catalog.resolve(ArtifactName("team", "proj", "data", version))


def append(to: Version, **change: object) -> None:
    to.collection.append(Proposal([change]))


def test_a_version_is_gone_for_readers_once_its_time_is_over(
    catalog: Catalog, calendar: Calendar
) -> None:
    put(catalog, "first", ttl=2 * DAY_S)
    put(catalog, "second")
    calendar.pass_days(1.9)
    assert names(catalog) == ["data:v0", "data:v1"]

    calendar.pass_days(0.1)

    assert names(catalog) == ["data:v1"]
    with pytest.raises(ArtifactNotFoundError, match="v0 was to last until 2025-01-03"):
        resolve(catalog, "v0")
    assert resolve(catalog, "latest").name == "data:v1"


@pytest.mark.parametrize(
    ("own", "of_collection", "of_project", "lasts"),
    [
        (None, None, None, None),
        (None, None, 50, 50),
        (None, 70, 50, 70),
        (None, FOR_EVER, 50, None),
        (30, 70, 50, 30),
        (FOR_EVER, 70, 50, None),
    ],
)
def test_who_says_more_exactly_how_long_it_lasts_counts(
    catalog: Catalog,
    calendar: Calendar,
    own: int | None,
    of_collection: int | None,
    of_project: int | None,
    lasts: int | None,
) -> None:
    version = put(catalog, "it", ttl=own)
    catalog.retain("team", "proj", of_project)
    catalog.retain("team", "proj", of_collection, "data")

    for reader in (catalog, Catalog(catalog.store, calendar)):
        assert reader.lasting_s(resolve(reader, "v0")) == lasts
    assert version.row.ttl == own


def test_a_collector_says_so_and_frees_it(catalog: Catalog, calendar: Calendar) -> None:
    put(catalog, "first", ttl=DAY_S)
    put(catalog, "second")
    calendar.pass_days(2)

    told = collect(catalog, timedelta(0), is_dry=True)
    done = collect(catalog, timedelta(0))

    assert told.expired == done.expired == ["team/proj/data:v0"]
    assert done.freed.objects == 1
    assert [row.number for row in resolve(catalog, "v1").collection.state] == [1]
    assert collect(catalog, timedelta(0)).expired == []


def test_equal_content_after_its_time_is_another_version(
    catalog: Catalog, calendar: Calendar
) -> None:
    put(catalog, "it", ttl=DAY_S, aliases=["prod"])
    calendar.pass_days(2)

    again = put(catalog, "it")

    assert again.name == "data:v1"
    assert names(catalog) == ["data:v1"]
    assert again.aliases == ["latest"]
    assert b"".join(again.read("file")) == b"it"


def test_equal_content_within_its_time_is_the_same_version(catalog: Catalog) -> None:
    put(catalog, "it", ttl=DAY_S)

    again = put(catalog, "it", ttl=FOR_EVER)

    assert (again.name, again.row.ttl) == ("data:v0", FOR_EVER)
    assert put(catalog, "it").row.ttl == FOR_EVER


def test_who_gives_it_another_time_meanwhile_keeps_it(catalog: Catalog) -> None:
    version = put(catalog, "it", ttl=DAY_S)
    append(version, kind="updated", version=0, ttl=30 * DAY_S)

    append(version, kind="dropped", version=0, seen=[DAY_S, None])

    assert names(catalog) == ["data:v0"]
    append(version, kind="dropped", version=0, seen=[30 * DAY_S, None])
    assert names(catalog) == []


def test_a_version_with_aliases_is_not_deleted_by_mistake(catalog: Catalog) -> None:
    first, second = put(catalog, "first", aliases=["prod"]), put(catalog, "second")
    events = second.collection.tail.number

    with pytest.raises(CommError, match="aliases prod"):
        catalog.drop(first)
    with pytest.raises(AliasedError):
        catalog.drop(second)

    assert second.collection.refresh().tail.number == events  # nothing was said of it
    assert names(catalog) == ["data:v0", "data:v1"]
    catalog.drop(second, with_aliases=True)
    assert resolve(catalog, "latest").name == "data:v0"
    catalog.drop(first, with_aliases=True)
    assert names(catalog) == []
    with pytest.raises(ArtifactNotFoundError):
        resolve(catalog, "prod")


def test_what_a_deleted_version_had_never_comes_back(catalog: Catalog) -> None:
    version = put(catalog, "it", aliases=["prod"], tags=["good"])
    catalog.drop(version, with_aliases=True)

    for change in (
        {"kind": "aliased", "alias": "back"},
        {"kind": "tagged", "tag": "again"},
        {"kind": "updated", "description": "back"},
        {"kind": "placed", "from": str(version.row.layout), "layout": str(version.row.layout)},
        {"kind": "dropped"},
    ):
        append(version, version=0, **change)

    state = version.collection.state
    assert (state.aliases, state.count, state.next) == ({}, 0, 1)
    assert put(catalog, "it").name == "data:v1"


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (Rule(keep=2), [2, 4, 5]),
        (Rule(keep=0), [2]),
        (Rule(keep=9), [0, 1, 2, 3, 4, 5]),
        (Rule(keep=1, keeps_aliased=True), [1, 2, 5]),
        (Rule(older_than=timedelta(days=3.5)), [2, 3, 4, 5]),
        (Rule(keep=1, older_than=timedelta(days=1)), [2, 5]),
        (Rule(keep=1, older_than=timedelta(days=2.5), keeps_aliased=True), [1, 2, 4, 5]),
    ],
)
def test_a_rule_keeps_what_it_says(
    catalog: Catalog, calendar: Calendar, rule: Rule, left: list[int]
) -> None:
    """v1 is prod, and v2 the latest, as it came again."""
    for number in range(6):
        put(catalog, f"{number}", aliases=["prod"] if number == 1 else [])
        calendar.pass_days(1)
    put(catalog, "2")

    told = catalog.prune(DATA, rule, is_dry=True)
    assert len(names(catalog)) == 6
    gone = catalog.prune(DATA, rule)

    assert [row.number for row in told] == [row.number for row in gone]
    assert names(catalog) == [f"data:v{number}" for number in left]
    assert catalog.prune(DATA, rule) == []


def test_what_gets_an_alias_while_it_is_pruned_stays(catalog: Catalog) -> None:
    versions = [put(catalog, f"{number}") for number in range(3)]
    other = Catalog(catalog.store)
    append(resolve(other, "v1"), kind="aliased", alias="prod", version=1)

    append(versions[0], kind="dropped", version=1, unless=[])
    append(versions[0], kind="dropped", version=0, unless=["latest"])

    assert names(catalog) == ["data:v1", "data:v2"]


def test_a_rule_that_keeps_nothing_is_none(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="--keep"):
        Rule(keeps_aliased=True)
    with pytest.raises(UsageError, match="-1"):
        Rule(keep=-1)
