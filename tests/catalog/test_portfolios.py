"""Portfolios: whatever is linked, unlinked, renamed and deleted, they show what a model says."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from artifacts.catalog import Catalog
from artifacts.errors import ArtifactNotFoundError
from artifacts.names import CollectionName
from catalog.commits import commit, content_of, named, new_store

WHO = st.integers(0, 1)
CONTENTS = st.sampled_from("abcd")
SHELVES = st.sampled_from(["x", "y"])
ALIASES = st.lists(st.sampled_from(["prod", "best"]), max_size=2, unique=True)


@dataclass
class Shelf:
    """Content by number, None once it was unlinked."""

    first: int
    shown: list[str | None] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)

    @property
    def next(self) -> int:
        return self.first + len(self.shown)


class PortfolioMachine(RuleBasedStateMachine):
    """Two catalogs of one store, one collection `data` whose versions may be deleted."""

    @initialize()
    def begin(self) -> None:
        store = new_store()
        self.catalogs = [Catalog(store), Catalog(store)]
        self.shelves: dict[str, Shelf] = {}
        self.floors: dict[str, int] = {}
        self.there: dict[str, str] = {}  # version by content

    @rule(who=WHO, content=CONTENTS)
    def commit(self, who: int, content: str) -> None:
        self.there[content] = commit(self.catalogs[who], content).name

    @precondition(lambda self: self.there)
    @rule(who=WHO, data=st.data())
    def drop(self, who: int, data: st.DataObject) -> None:
        content = data.draw(st.sampled_from(sorted(self.there)))
        catalog = self.catalogs[who]
        catalog.drop(catalog.resolve(named(self.there.pop(content))), with_aliases=True)
        for shelf in self.shelves.values():  # the same content again is another version
            shelf.shown = [f"{each}!" if each == content else each for each in shelf.shown]

    @precondition(lambda self: self.there)
    @rule(who=WHO, name=SHELVES, aliases=ALIASES, data=st.data())
    def link(self, who: int, name: str, aliases: list[str], data: st.DataObject) -> None:
        content = data.draw(st.sampled_from(sorted(self.there)))
        catalog = self.catalogs[who]
        linked = catalog.link(catalog.resolve(named(self.there[content])), of(name), aliases)
        shelf = self.shelves.setdefault(name, Shelf(self.floors.get(name, 0)))
        if content not in shelf.shown:
            shelf.shown.append(content)
        number = shelf.first + shelf.shown.index(content)
        assert linked.name == f"{name}:v{number}"
        shelf.aliases |= dict.fromkeys([*aliases, "latest"], number)

    @rule(who=WHO, name=SHELVES, alias=st.sampled_from(["prod", "best", "latest"]))
    def unlink(self, who: int, name: str, alias: str) -> None:
        catalog, shelf = self.catalogs[who], self.shelves.get(name)
        number = shelf.aliases.get(alias) if shelf else None
        content = None if shelf is None or number is None else shelf.shown[number - shelf.first]
        if shelf is None or number is None or content not in self.there:
            with pytest.raises(ArtifactNotFoundError):
                catalog.resolve(named(f"{name}:{alias}"))
            return
        catalog.unlink(catalog.resolve(named(f"{name}:{alias}")))
        was_latest = shelf.aliases.get("latest") == number
        shelf.shown[number - shelf.first] = None
        shelf.aliases = {each: at for each, at in shelf.aliases.items() if at != number}
        left = [shelf.first + at for at, each in enumerate(shelf.shown) if each is not None]
        if was_latest and left:
            shelf.aliases["latest"] = left[-1]

    @rule(who=WHO, name=SHELVES)
    def delete(self, who: int, name: str) -> None:
        if name in self.shelves:
            self.catalogs[who].delete(of(name))
            self.floors[name] = self.shelves.pop(name).next

    @invariant()
    def portfolios_show_what_the_model_says(self) -> None:
        for catalog in getattr(self, "catalogs", []):
            listed = [name for name, _ in catalog.portfolios("team", "proj")]
            assert listed == sorted(self.shelves)
            for name, shelf in self.shelves.items():
                assert found(catalog, name) == expected(shelf, {*self.there})


def of(name: str) -> CollectionName:
    return CollectionName("team", "proj", name)


def found(catalog: Catalog, name: str) -> dict[int, tuple[str | None, list[str]]]:
    return {
        each.row.number: (content_of(each.version) if each.version else None, sorted(each.aliases))
        for each in catalog.links(of(name))
    }


def expected(shelf: Shelf, there: set[str]) -> dict[int, tuple[str | None, list[str]]]:
    numbers = [shelf.first + at for at, each in enumerate(shelf.shown) if each is not None]
    return {
        number: (
            content if (content := shelf.shown[number - shelf.first]) in there else None,
            sorted(alias for alias, at in shelf.aliases.items() if at == number),
        )
        for number in numbers
    }


TestPortfolios = PortfolioMachine.TestCase
TestPortfolios.settings = settings(deadline=None, max_examples=40, stateful_step_count=20)
