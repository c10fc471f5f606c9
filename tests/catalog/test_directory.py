"""Directory: a name stands for one thing, and no number it ever showed is shown again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from artifacts.catalog.directory import DirectoryState
from artifacts.content import Digest
from artifacts.errors import MalformedError
from artifacts.storage import Change, Fold, Log, MemoryStore, ObjectStore, Proposal, fold

NAMES = st.sampled_from("abc")
IDS = st.sampled_from(["id0", "id1", "id2", "id3"])
WHO = st.integers(0, 1)


def fold_of(store: ObjectStore) -> Fold[DirectoryState]:
    return Fold(Log(store, "directory/1"), DirectoryState)


def after(*changes: Change, epoch: int = 0) -> DirectoryState:
    """What the changes come to, each an event."""
    directory = fold_of(MemoryStore())
    for change in changes:
        directory.append(Proposal([change], epoch=epoch))
    return directory.state


def id_of(text: str) -> str:
    """What stands in the store for an id that people can tell from others."""
    return Digest.of(text.encode()).hex()[:32]


def added(name: str, id_: str, **more: object) -> Change:
    return {"kind": "added", "name": name, "id": id_of(id_), "type": f"type of {id_}", **more}


def removed(name: str, id_: str, next_: int) -> Change:
    return {"kind": "removed", "name": name, "id": id_of(id_), "next": next_}


def renamed(name: str, id_: str, to: str, next_: int) -> Change:
    return {"kind": "renamed", "name": name, "id": id_of(id_), "to": to, "next": next_}


def listed(state: DirectoryState) -> dict[str, str]:
    """The type of what each name stands for, which tells what it is."""
    assert all(
        id_of(each.type.removeprefix("type of ")) == each.id for each in state.names.values()
    )
    return {name: each.type.removeprefix("type of ") for name, each in state.names.items()}


class DirectoryMachine(RuleBasedStateMachine):
    """Two writers who say what they like, against a plain reading of the rules."""

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(fold, "_EVENTS_A_CHECKPOINT", 4)
        self.store = MemoryStore()
        self.folds = [fold_of(self.store) for _ in range(2)]
        self.names: dict[str, str] = {}
        self.shown: dict[str, int] = {}
        self.last: dict[str, str] = {}
        self.fence = 0

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()

    def append(self, who: int, change: Change, epoch: int = 0) -> None:
        self.folds[who].append(Proposal([change], epoch=epoch))

    def leave(self, name: str, next_: int) -> None:
        self.shown[name] = max(self.shown.get(name, 0), next_)
        self.last[name] = self.names.pop(name)

    @rule(who=WHO, name=NAMES, id_=IDS, epoch=st.integers(0, 2))
    def add(self, who: int, name: str, id_: str, epoch: int) -> None:
        self.append(who, added(name, id_), epoch)
        if name not in self.names and epoch >= self.fence:
            self.names[name] = id_

    @rule(who=WHO, name=NAMES, id_=IDS, closed=IDS, next_=st.integers(0, 9))
    def replace(self, who: int, name: str, id_: str, closed: str, next_: int) -> None:
        change = added(name, id_, replaces=id_of(closed), next=next_)
        self.append(who, change, self.fence)
        if self.names.get(name) == closed:
            self.leave(name, next_)
        if name not in self.names:
            self.names[name] = id_

    @rule(who=WHO, name=NAMES, id_=IDS, next_=st.integers(0, 9))
    def remove(self, who: int, name: str, id_: str, next_: int) -> None:
        self.append(who, removed(name, id_, next_))
        if self.names.get(name) == id_:
            self.leave(name, next_)

    @rule(who=WHO, name=NAMES, id_=IDS, to=NAMES, next_=st.integers(0, 9))
    def rename(self, who: int, name: str, id_: str, to: str, next_: int) -> None:
        self.append(who, renamed(name, id_, to, next_))
        is_free = not self.shown.get(to) or self.last[to] == id_
        if self.names.get(name) == id_ and to not in self.names and is_free:
            self.leave(name, next_)
            self.names[to] = id_

    @rule(who=WHO, epoch=st.integers(0, 2))
    def raise_fence(self, who: int, epoch: int) -> None:
        self.append(who, {"kind": "fenced", "epoch": epoch})
        self.fence = max(self.fence, epoch)

    @invariant()
    def all_who_read_agree(self) -> None:
        if hasattr(self, "store"):
            for directory in (*self.folds, fold_of(self.store)):
                state = directory.refresh().state
                assert listed(state) == self.names
                assert {name: state.floor(name) for name in "abc"} == {
                    name: self.shown.get(name, 0) for name in "abc"
                }


TestDirectory = DirectoryMachine.TestCase
TestDirectory.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)


def test_the_first_to_add_a_name_has_it() -> None:
    state = after(added("a", "first"), added("a", "second"))

    assert listed(state) == {"a": "first"}


def test_a_closed_collection_is_replaced_by_one_that_counts_on() -> None:
    state = after(added("a", "old"), added("a", "new", replaces=id_of("old"), next=3))

    assert (listed(state)["a"], state.floor("a")) == ("new", 3)


def test_who_replaces_something_else_comes_too_late() -> None:
    state = after(added("a", "newer"), added("a", "new", replaces=id_of("old"), next=3))

    assert (listed(state)["a"], state.floor("a")) == ("newer", 0)


def test_a_removal_of_what_the_name_no_longer_stands_for_changes_nothing() -> None:
    state = after(added("a", "new"), removed("a", "old", 3))

    assert (listed(state)["a"], state.floor("a")) == ("new", 0)


def test_a_removed_name_is_free_and_its_numbers_are_not() -> None:
    state = after(added("a", "old"), removed("a", "old", 3))

    assert (state.names, state.floor("a")) == ({}, 3)


def test_a_renamed_collection_leaves_its_numbers_behind() -> None:
    state = after(added("a", "id"), renamed("a", "id", "b", 3))

    assert (listed(state)["b"], state.floor("a"), state.floor("b")) == ("id", 3, 0)


def test_a_collection_may_have_its_old_name_back() -> None:
    state = after(added("a", "id"), renamed("a", "id", "b", 3), renamed("b", "id", "a", 5))

    assert [*state.names] == ["a"]


@pytest.mark.parametrize(
    "past",
    [
        [added("b", "old"), removed("b", "old", 2)],
        [added("b", "old"), renamed("b", "old", "c", 2)],
        [added("b", "id"), renamed("b", "id", "a", 2), added("b", "old"), removed("b", "old", 2)],
    ],
)
def test_a_name_that_showed_others_numbers_is_not_taken_by_a_rename(past: list[Change]) -> None:
    state = after(*past, added("a", "id"), renamed("a", "id", "b", 9))

    assert listed(state)["a"] == "id"
    assert "b" not in state.names


def test_a_name_that_showed_no_number_is_free_for_all() -> None:
    state = after(
        added("b", "old"), removed("b", "old", 0), added("a", "id"), renamed("a", "id", "b", 1)
    )

    assert listed(state)["b"] == "id"


def test_what_is_added_before_the_fence_is_not_there() -> None:
    state = after({"kind": "fenced", "epoch": 1}, added("a", "id"))

    assert not state.names


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "added"},
        {"kind": "added", "name": "new"},
        {"kind": "added", "name": ["new"], "id": id_of("id")},
        {"kind": "removed", "name": "a", "id": id_of("id"), "next": "many"},
        {"kind": "removed", "name": "a"},
        {"kind": "renamed", "name": "a", "id": id_of("id")},
        {"kind": "opened", "name": "new", "id": id_of("id")},
        {"kind": "opened", "name": "a/b", "id": id_of("id"), "type": "t"},
        {"kind": "closing", "name": "a"},
        {"kind": "retyped", "name": "a", "id": id_of("id")},
        {"kind": "fenced", "epoch": None},
    ],
    ids=str,
)
def test_a_change_that_cannot_be_read_is_refused(change: Mapping[str, object]) -> None:
    with pytest.raises(MalformedError):
        after(added("a", "id"), change)
