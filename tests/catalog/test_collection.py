"""Collection: what its log's events come to, whoever reads them, from wherever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from artifacts.catalog.collection import CollectionState
from artifacts.content import Digest
from artifacts.errors import MalformedError, UnknownEventError
from artifacts.storage import (
    LAYOUTS,
    MANIFESTS,
    Change,
    Checkpoints,
    Clock,
    Event,
    Fold,
    Log,
    MemoryStore,
    Name,
    ObjectStore,
    Proposal,
    Row,
    Tail,
    checkpoint,
    fold,
    now,
)

DIGESTS = [Digest(bytes([n // 2]) * 8 + bytes([n]) * 24) for n in range(6)]  # in pairs look alike
CONTENTS = st.integers(0, len(DIGESTS) - 1)
ALIASES = st.lists(st.sampled_from(["latest", "prod", "best"]), max_size=2, unique=True)
FACTS = st.fixed_dictionaries(
    {
        "description": st.sampled_from([None, "one", "two"]),
        "metadata": st.sampled_from([{}, {"a": 1}, {"a": [2]}]),
        "tags": st.lists(st.sampled_from(["x", "y", "z"]), max_size=2, unique=True),
    }
)
WHO = st.integers(0, 1)
NUMBERS = st.integers(0, 8)
TTL = st.sampled_from([None, 0, 60])
SEEN = st.sampled_from([None, None, [None, None], [60, None], [0, 60]])
UNLESS = st.sampled_from([None, None, [], ["prod"], ["latest", "prod"]])
TAGGING = ["tagged", "untagged"]


def ticking() -> Clock:
    """A second passes between any two events."""
    ticks = count()
    return lambda: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=next(ticks))


def fold_of(store: ObjectStore, clock: Clock = now) -> Fold[CollectionState]:
    return Fold(Log(store, "collection/1", clock), CollectionState)


def created(first: int = 0) -> Change:
    return {"kind": "created", "name": "data", "type": "dataset", "first": first}


def committed(content: int, aliases: list[str] | None = None, **more: object) -> dict[str, Any]:
    return {
        "kind": "committed",
        "manifest": str(Name(MANIFESTS, DIGESTS[content])),
        "layout": str(Name(LAYOUTS, DIGESTS[content])),
        "size": 10 * content,
        "entries": content,
        "aliases": ["latest"] if aliases is None else aliases,
        **more,
    }


def after(*changes: Change, epoch: int = 0, first: int = 0) -> CollectionState:
    """What the changes come to, each an event."""
    collection = fold_of(MemoryStore(), ticking())
    for change in (created(first), *changes):
        collection.append(Proposal([change], epoch=epoch))
    return collection.state


def shown(state: CollectionState) -> list[tuple[object, ...]]:
    """All that users see of the versions, newest first."""
    return [
        (row.number, row.digest, row.description, dict(row.metadata), row.tags) for row in state
    ]


class CollectionMachine(RuleBasedStateMachine):
    """Two writers on one log, and what a plain list of versions would hold."""

    @initialize(first=st.integers(0, 5))
    def begin(self, first: int) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(fold, "_EVENTS_A_CHECKPOINT", 4)
        self.patch.setattr(checkpoint, "_ROWS_A_PAGE", 2)
        self.patch.setattr(fold, "_JITTER_S", 0)
        self.store = MemoryStore()
        self.folds = [fold_of(self.store) for _ in range(2)]
        self.append(0, created(first))
        self.first = first
        self.versions: list[dict[str, Any]] = []
        self.aliases: dict[str, int] = {}
        self.fence = 0
        self.ttl: int | None = None
        self.is_deleted = False

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()

    def append(self, who: int, change: Change, epoch: int = 0) -> CollectionState:
        self.folds[who].append(Proposal([change], epoch=epoch))
        return self.folds[who].state

    def version(self, number: int) -> dict[str, Any] | None:
        return next((each for each in self.there if each["number"] == number), None)

    @property
    def there(self) -> list[dict[str, Any]]:
        return [each for each in self.versions if not each["gone"]]

    @rule(who=WHO, content=CONTENTS, aliases=ALIASES, facts=FACTS, epoch=st.integers(0, 2))
    def commit(
        self, who: int, content: int, aliases: list[str], facts: dict[str, Any], epoch: int
    ) -> None:
        given = {key: value for key, value in facts.items() if value}
        state = self.append(who, committed(content, aliases, **given), epoch)
        if self.is_deleted or epoch < self.fence:
            assert state.outcome is None
            return
        digest = DIGESTS[content]
        version = next((each for each in self.there if each["digest"] == digest), None)
        if version is None:
            version = {"number": self.first + len(self.versions), "digest": digest}
            version |= {"description": None, "metadata": {}, "tags": [], "ttl": None, "gone": False}
            self.versions.append(version)
        version["description"] = facts["description"] or version["description"]
        version["metadata"] = facts["metadata"] or version["metadata"]
        version["tags"] = [*dict.fromkeys([*version["tags"], *facts["tags"]])]
        self.aliases |= dict.fromkeys(aliases, version["number"])
        assert state.outcome == version["number"]

    @rule(who=WHO, number=NUMBERS, facts=FACTS)
    def update(self, who: int, number: int, facts: dict[str, Any]) -> None:
        self.append(who, {"kind": "updated", "version": number, **facts})
        if version := self.version(number):
            version.update(facts)

    @rule(who=WHO, number=NUMBERS, alias=st.sampled_from(["latest", "prod"]))
    def alias(self, who: int, number: int, alias: str) -> None:
        self.append(who, {"kind": "aliased", "version": number, "alias": alias})
        if self.version(number):
            self.aliases[alias] = number

    @rule(who=WHO, number=NUMBERS, alias=st.sampled_from(["latest", "prod"]))
    def unalias(self, who: int, number: int, alias: str) -> None:
        self.append(who, {"kind": "unaliased", "version": number, "alias": alias})
        if self.aliases.get(alias) == number:
            del self.aliases[alias]

    @rule(who=WHO, number=NUMBERS, tag=st.sampled_from(["x", "y"]), kind=st.sampled_from(TAGGING))
    def tag(self, who: int, number: int, tag: str, kind: str) -> None:
        self.append(who, {"kind": kind, "version": number, "tag": tag})
        if version := self.version(number):
            others = [each for each in version["tags"] if each != tag]
            if kind == "untagged":
                version["tags"] = others
            elif tag not in version["tags"]:
                version["tags"] = [*others, tag]

    @rule(who=WHO, number=NUMBERS, ttl=TTL)
    def last(self, who: int, number: int, ttl: int | None) -> None:
        self.append(who, {"kind": "updated", "version": number, "ttl": ttl})
        if version := self.version(number):
            version["ttl"] = ttl

    @rule(who=WHO, ttl=TTL)
    def retain(self, who: int, ttl: int | None) -> None:
        self.append(who, {"kind": "retained", "ttl": ttl})
        self.ttl = ttl

    @rule(who=WHO, number=NUMBERS, unless=UNLESS, seen=SEEN)
    def drop(
        self, who: int, number: int, unless: list[str] | None, seen: list[int | None] | None
    ) -> None:
        told = {"unless": unless, "seen": seen}
        given = {key: value for key, value in told.items() if value is not None}
        self.append(who, {"kind": "dropped", "version": number, **given})
        version = self.version(number)
        on_it = {alias for alias, at in self.aliases.items() if at == number}
        is_kept = unless is not None and (on_it & {*unless} if unless else on_it)
        if version is None or is_kept or seen not in (None, [version["ttl"], self.ttl]):
            return
        version["gone"] = True
        self.aliases = {alias: at for alias, at in self.aliases.items() if at != number}
        if "latest" in on_it and self.there:
            self.aliases["latest"] = self.there[-1]["number"]

    @rule(who=WHO, epoch=st.integers(0, 2))
    def raise_fence(self, who: int, epoch: int) -> None:
        self.append(who, {"kind": "fenced", "epoch": epoch})
        self.fence = max(self.fence, epoch)

    @rule(who=WHO, is_last=st.integers(0, 9))
    def delete(self, who: int, is_last: int) -> None:
        if not is_last:
            self.append(who, {"kind": "deleted"})
            self.is_deleted = True

    @rule(which=st.integers(0, 99))
    def lose_a_cache(self, which: int) -> None:
        if keys := sorted(self.store.list("cache/")):
            self.store.delete(keys[which % len(keys)])

    @invariant()
    def all_who_read_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        expected = [
            (v["number"], v["digest"], v["description"], v["metadata"], tuple(v["tags"]))
            for v in reversed(self.there)
        ]
        for collection in (*self.folds, fold_of(self.store)):
            state = collection.refresh().state
            assert shown(state) == expected
            assert state.aliases == self.aliases
            assert state.next == self.first + len(self.versions)
            assert (state.count, state.ttl) == (len(self.there), self.ttl)
            for digest in DIGESTS:
                known = [v["number"] for v in self.there if v["digest"] == digest]
                assert state.find(digest) == (known[0] if known else None)


TestCollection = CollectionMachine.TestCase
TestCollection.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)


def test_versions_are_numbered_from_the_first() -> None:
    state = after(committed(0), committed(1), committed(2), first=7)

    assert [row.number for row in state] == [9, 8, 7]
    assert (state.version(7), state.version(10)) == ([*state][-1], None)
    assert state.version(6) is None
    assert state.version(-1) is None


def test_equal_content_is_the_version_that_has_it() -> None:
    state = after(committed(0), committed(1), committed(0))

    assert (state.outcome, state.next) == (0, 2)
    assert state.aliases == {"latest": 0}


def test_content_that_looks_alike_is_another_version() -> None:
    state = after(committed(0), committed(1))

    assert DIGESTS[0][:8] == DIGESTS[1][:8]
    assert (state.find(DIGESTS[0]), state.find(DIGESTS[1])) == (0, 1)


def test_the_first_to_create_a_collection_says_what_it_is() -> None:
    other = {"kind": "created", "name": "other", "type": "model", "first": 9}
    state = after(other, committed(0))

    assert (state.name, state.type, state.outcome) == ("data", "dataset", 0)


OTHER = str(Name(LAYOUTS, Digest.of(b"other")))


def test_what_a_version_is_never_changes() -> None:
    state = after(committed(0, description="a"), committed(0, size=99, layout=OTHER, run="r"))

    [row] = state
    assert (row.digest, row.size, row.event, row.run) == (DIGESTS[0], 0, 1, None)


def test_a_version_lies_where_its_content_was_stored_last() -> None:
    state = after(committed(0), committed(0, layout=OTHER))

    [row] = state
    assert (str(row.layout), row.placed) == (OTHER, 2)


def test_a_manifest_that_was_stored_anew_counts_though_the_layout_stays() -> None:
    new = str(Name(MANIFESTS, DIGESTS[0], 2))
    row = after(committed(0), committed(0, manifest=new)).version(0)

    assert row is not None
    assert (str(row.manifest), row.placed) == (new, 2)


def test_time_of_change_is_that_of_the_last_real_change() -> None:
    same = committed(0, description="a", metadata={"n": 1}, tags=["x"])
    state = after(same, same, {"kind": "aliased", "version": 0, "alias": "b"})
    [row] = state
    assert (row.created, row.updated) == (*["2024-01-01T00:00:01.000+00:00"] * 2,)

    state = after(same, same, {"kind": "updated", "version": 0, "description": "b"})
    [row] = state
    assert row.updated == "2024-01-01T00:00:03.000+00:00"


def test_two_who_tag_a_version_at_once_lose_nothing() -> None:
    tags = [{"kind": "tagged", "version": 0, "tag": tag} for tag in ("mine", "theirs")]
    [row] = after(committed(0), *tags, {"kind": "untagged", "version": 0, "tag": "none"})

    assert row.tags == ("mine", "theirs")
    assert row.updated == "2024-01-01T00:00:03.000+00:00"


def test_a_deleted_collection_takes_no_more_versions() -> None:
    state = after(committed(0), {"kind": "deleted"}, committed(1))

    assert state.is_deleted
    assert (state.outcome, len([*state]), state.next) == (None, 1, 1)


def test_a_commit_from_before_the_fence_is_refused_and_changes_nothing() -> None:
    state = after(committed(0), {"kind": "fenced", "epoch": 1}, committed(1, ["prod"]))

    assert (state.outcome, state.aliases) == (None, {"latest": 0})


def test_a_fence_is_never_lowered() -> None:
    assert after({"kind": "fenced", "epoch": 2}, {"kind": "fenced", "epoch": 1}).fence == 2


def test_an_alias_is_taken_from_the_version_that_is_named_only() -> None:
    taken = {"kind": "unaliased", "version": 0, "alias": "latest"}

    assert after(committed(0), committed(1), taken).aliases == {"latest": 1}
    assert after(committed(0), taken).aliases == {}


def test_an_alias_names_a_version_or_nothing() -> None:
    assert after({"kind": "aliased", "version": 3, "alias": "a"}).aliases == {}


def test_the_aliases_of_a_version_are_its_own() -> None:
    state = after(committed(0, ["a", "b"]), committed(1, ["b", "c"]))

    assert (state.aliases_of(0), state.aliases_of(1)) == (["a"], ["b", "c"])


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "committed"},
        committed(0) | {"manifest": "manifests/xyz"},
        committed(0) | {"manifest": 7},
        committed(0) | {"layout": None},
        committed(0) | {"size": "large"},
        committed(0) | {"entries": None},
        committed(0) | {"aliases": 5},
        committed(0) | {"deed": "prod"},
        committed(0) | {"deeds": 32 * "d"},
        committed(0) | {"deeds": ["prod"]},
        committed(0) | {"created": "yesterday"},
        committed(0) | {"created": "2024-01-02T03:04:05"},
        {"kind": "updated", "version": "x"},
        {"kind": "aliased", "version": None, "alias": "a"},
        {"kind": "unaliased"},
        {"kind": "tagged", "version": 0},
        {"kind": "untagged", "version": "0", "tag": "a"},
        {"kind": "described"},
        {"kind": "described", "description": 7},
        {"kind": "labelled"},
        {"kind": "unlabelled", "tag": 7},
        {"kind": "retyped", "type": None},
        {"kind": "unlinked", "version": "v0"},
        {"kind": "fenced"},
    ],
    ids=str,
)
def test_a_change_that_cannot_be_read_is_refused(change: Mapping[str, object]) -> None:
    with pytest.raises(MalformedError):
        after(change)


@pytest.mark.parametrize(
    "change",
    [
        {"collection": None},
        {"collection": "../../" + 26 * "0"},
        {"version": -1},
        {"version": True},
        {"project": "proj"},
        {"project": "a/b/c"},
        {"project": ["team/proj"]},
        {"digest": "xyz"},
        {"aliases": "latest"},
    ],
    ids=str,
)
def test_a_link_that_cannot_be_read_is_refused(change: Mapping[str, object]) -> None:
    assert portfolio(linked(0)).link(0)
    with pytest.raises(MalformedError):
        portfolio({**linked(0), **change})


def test_a_collection_takes_no_links_and_a_portfolio_no_versions() -> None:
    collection = after(committed(0), linked(0))
    shelf = portfolio(linked(0), committed(0), {"kind": "tagged", "version": 0, "tag": "x"})

    assert ([*collection.links()], collection.outcome, collection.next) == ([], None, 1)
    assert ([*shelf], shelf.outcome, shelf.next) == ([], None, 1)
    assert [link.number for link in shelf.links()] == [0]


def test_a_portfolio_is_restored_from_its_head() -> None:
    deed = {"deed": 32 * "d"}
    state = portfolio(linked(0, "a") | deed, linked(1, "b"), {"kind": "unlinked", "version": 0})
    state.apply(event_of({"kind": "labelled", "tag": "t"}), "key")

    again = CollectionState.load(json.loads(json.dumps(state.save())), Checkpoints(MemoryStore()))

    assert again.save() == state.save()
    assert [*again.links()] == [*state.links()]
    assert (again.aliases, again.tags, again.is_portfolio) == ({"b": 1}, ["t"], True)


def test_a_deed_that_is_done_again_changes_nothing() -> None:
    deed = 32 * "d"
    state = after(
        committed(0, ["best"], deed=deed),
        committed(1, ["best"]),
        committed(2, ["best"], deed=deed, description="again"),
    )

    assert (state.outcome, state.next, state.aliases) == (0, 2, {"best": 1})
    assert [row.description for row in state] == [None, None]


def test_a_deed_of_what_is_gone_is_done() -> None:
    state = after(
        committed(0, deed=32 * "d"),
        {"kind": "dropped", "version": 0},
        committed(0, deed=32 * "d"),
    )

    assert (state.outcome, state.count, state.next) == (0, 0, 1)


def test_a_deed_that_came_to_nothing_is_not_done() -> None:
    state = after({"kind": "fenced", "epoch": 1}, committed(0, deed=32 * "d"))
    assert state.deeds == {}


def test_a_deed_in_equal_content_or_in_a_part_is_done() -> None:
    state = after(committed(0), committed(0, deed=32 * "a", deeds=[32 * "b", 32 * "c"]))
    assert state.deeds == dict.fromkeys((32 * "a", 32 * "b", 32 * "c"), 0)


def test_a_link_that_is_made_again_changes_nothing() -> None:
    again = {**linked(0, "a"), "deed": 32 * "d"}
    state = portfolio(again, linked(1, "a"), again, {"kind": "unlinked", "version": 0}, again)
    assert (state.outcome, state.aliases, state.next) == (0, {"a": 1}, 2)


def test_an_alias_is_put_on_links_that_are_there() -> None:
    state = portfolio(
        linked(0, "a"),
        linked(1),
        {"kind": "unlinked", "version": 0},
        {"kind": "aliased", "version": 0, "alias": "b"},
        {"kind": "aliased", "version": 1, "alias": "c"},
        {"kind": "aliased", "version": 2, "alias": "d"},
    )

    assert state.aliases == {"c": 1}


def portfolio(*changes: Change) -> CollectionState:
    shelf = fold_of(MemoryStore(), ticking())
    for change in ({**created(), "portfolio": True}, *changes):
        shelf.append(Proposal([change]))
    return shelf.state


def linked(version: int, *aliases: str) -> dict[str, Any]:
    return {
        "kind": "linked",
        "collection": 32 * "0",
        "version": version,
        "project": "team/proj",
        "digest": DIGESTS[version].hex(),
        "aliases": [*aliases],
    }


def event_of(change: Change) -> Event:
    log = Log(MemoryStore(), "collection/1")
    return log.append(Tail.start(log.name), Proposal([change]))


def test_an_unknown_change_stops_everybody() -> None:
    with pytest.raises(UnknownEventError):
        after({"kind": "weighed"})


def test_the_head_of_many_versions_is_small() -> None:
    store = MemoryStore()
    collection = fold_of(store)
    change = [
        committed(0) | {"manifest": str(Name(MANIFESTS, Digest.of(b"%d" % n)))} for n in range(1000)
    ]
    collection.append(Proposal([created(), *change]))
    pages: list[list[Row]] = []

    def put(rows: list[Row]) -> str:
        pages.append(rows)
        return str(len(pages))

    head = collection.state.save(put)

    assert [len(page) for page in pages] == 3 * [256]
    assert len(json.dumps({**head, "rows": {}})) < 1000 * 24
