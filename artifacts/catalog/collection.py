"""Collection: a named series of versions of one type, or of links, as the fold of its log."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from msgspec import Struct, field

from artifacts.catalog.fields import (
    MAX_EPOCH,
    deed_of,
    deeds_of,
    facts_of,
    layout_of,
    manifest_of,
    number_of,
    seen_of,
    text_of,
    texts_of,
    ttl_of,
)
from artifacts.catalog.row import (
    LinkRow,
    VersionRow,
    is_same_link,
    key_of,
    new_link,
    new_row,
    said,
)
from artifacts.names import LATEST, parse_version
from artifacts.storage import (
    Change,
    Checkpoints,
    Event,
    Fold,
    Log,
    Name,
    Put,
    Row,
    Rows,
    apply_rules,
)

_INDEXED = 8  # leading bytes of each version's digest, to find equal content without its row


class CollectionState(Struct):
    """Aliases, counters and rows. What an event comes to is decided here and nowhere else.

    The rows of a portfolio are links: it has no version.
    """

    name: str = ""
    type: str = ""
    first: int = 0  # number of the first version: higher where the name had a past
    is_portfolio: bool = False
    fence: int = 0
    is_deleted: bool = False
    created: str = ""  # ISO 8601, UTC, by the writer's clock
    description: str | None = None
    tags: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)  # `next` when it left its earlier names
    aliases: dict[str, int] = field(default_factory=dict)
    rows: Rows = field(default_factory=Rows)
    index: bytearray = field(default_factory=bytearray)
    placed: list[int] = field(default_factory=list)  # of each row; to ask for both at once
    ttl: int | None = None  # seconds that versions last, 0 for ever; None for what the project says
    dropped: int = 0  # rows of versions that are gone
    deeds: dict[str, int] = field(default_factory=dict)  # what they came to that may be repeated
    outcome: int | None = None  # what the last commit or link came to, None if refused
    surprised: int = -1  # number of the last event that expected what was not so

    @property
    def next(self) -> int:
        """The number that the next new version will have."""
        return self.first + len(self.rows)

    def __iter__(self) -> Iterator[VersionRow]:
        """Versions that are not gone, newest first."""
        indices = () if self.is_portfolio else reversed(range(len(self.rows)))
        rows = (self.rows[index] for index in indices)
        return (VersionRow.of(row) for row in rows if not row.get("dropped"))

    @property
    def count(self) -> int:
        """How many versions there are."""
        return 0 if self.is_portfolio else len(self.rows) - self.dropped

    def version(self, number: int) -> VersionRow | None:
        row = self.known(number)
        return None if row is None or row.dropped else row

    def known(self, number: int) -> VersionRow | None:
        """A version, be it gone or not."""
        is_there = not self.is_portfolio and 0 <= number - self.first < len(self.rows)
        return VersionRow.of(self.rows[number - self.first]) if is_there else None

    def links(self) -> Iterator[LinkRow]:
        """Of a portfolio, newest first."""
        numbers = (self.first + index for index in reversed(range(len(self.rows))))
        return (LinkRow.of(self.rows[each - self.first]) for each in numbers if self._links(each))

    def link(self, number: int) -> LinkRow | None:
        return LinkRow.of(self.rows[number - self.first]) if self._links(number) else None

    def number_of(self, version: str) -> int | None:
        """Of what a user calls `v3`, or by an alias."""
        number = parse_version(version)
        return self.aliases.get(version) if number is None else number

    def expect(self, version: str, log: Log) -> None:
        """Have under way what somebody will want who resolves this, where that pays."""
        number = self.number_of(version)
        index = -1 if number is None else number - self.first
        if 0 <= index < len(self.rows) and index < len(self.placed):
            self.rows.expect(index)
            if not self.is_portfolio and self.placed[index] not in log.recent:
                log.expect(self.placed[index])

    def aliases_of(self, number: int) -> list[str]:
        aliases = self.aliases.copy()  # another thread may take in an event meanwhile
        return [alias for alias, version in aliases.items() if version == number]

    def find(self, digest: bytes) -> int | None:
        """Number of the newest version with this content that is not gone."""

        def is_wanted(row: Row) -> bool:
            return not row.get("dropped") and Name.parse(row["manifest"]).digest == digest

        return self._newest(digest, is_wanted)

    def _newest(self, digest: bytes, is_wanted: Callable[[Row], bool]) -> int | None:
        wanted, at = digest[:_INDEXED], len(self.index)
        while (at := self.index.rfind(wanted, 0, at + _INDEXED - 1)) >= 0:
            number, beside = divmod(at, _INDEXED)
            if not beside and is_wanted(self.rows[number]):
                return self.first + number
        return None

    def apply(self, event: Event, key: str) -> None:
        """Raises UnknownEventError, MalformedError."""
        apply_rules(self, _RULES, event, key)

    def _created(self, event: Event, change: Change) -> None:
        if not self.name:
            self.name, self.type = text_of(change, "name"), text_of(change, "type")
            self.first, self.created = number_of(change, "first"), event.time
            self.is_portfolio = change.get("portfolio") is True

    def _committed(self, event: Event, change: Change) -> None:
        """Equal content is the version that has it; a closed or fenced log takes nothing."""
        is_late = event.epoch < self.fence or event.number == self.surprised
        if self.is_deleted or self.is_portfolio or is_late:
            self.outcome = None
            return
        if self._was_done(change):
            return
        digest = manifest_of(change).digest
        number, aliases, facts = self.find(digest), texts_of(change, "aliases"), facts_of(change)
        if number is None:
            number = self.next
            self.rows.append(new_row(number, event, change))
            self.index += digest[:_INDEXED]
            self.placed.append(event.number)
        else:
            self._place(number, event, change)
            tags = facts.pop("tags", [])
            self._update(number, event, said(facts))
            self._tag(number, event, tags)
        self._do(number, aliases, change)

    def _was_done(self, change: Change) -> bool:
        """Then it comes to what it came to, and changes nothing."""
        self.outcome = self.deeds.get(deed_of(change) or "")
        return self.outcome is not None

    def _do(self, number: int, aliases: list[str], change: Change) -> None:
        self.aliases.update(dict.fromkeys(aliases, number))
        self.deeds.update(dict.fromkeys(deeds_of(change), number))
        self.outcome = number

    def _expected(self, event: Event, change: Change) -> None:
        """What the event commits counts only if the alias is still where its writer saw it."""
        number = number_of(change, "version") if "version" in change else None
        if self.aliases.get(text_of(change, "alias")) != number:
            self.surprised = event.number

    def _updated(self, event: Event, change: Change) -> None:
        self._update(number_of(change, "version"), event, facts_of(change))

    def _aliased(self, _event: Event, change: Change) -> None:
        alias, number = text_of(change, "alias"), number_of(change, "version")
        if self._has(number) or self._links(number):
            self.aliases[alias] = number

    def _unaliased(self, _event: Event, change: Change) -> None:
        alias = text_of(change, "alias")
        if self.aliases.get(alias) == number_of(change, "version"):
            del self.aliases[alias]

    def _tagged(self, event: Event, change: Change) -> None:
        number, tag = number_of(change, "version"), text_of(change, "tag")
        if self._has(number):
            self._tag(number, event, [tag])

    def _untagged(self, event: Event, change: Change) -> None:
        number, tag = number_of(change, "version"), text_of(change, "tag")
        if self._has(number) and tag in (tags := self._tags_of(number)):
            self._update(number, event, {"tags": [each for each in tags if each != tag]})

    def _placed(self, event: Event, change: Change) -> None:
        """Where a repacking put a version's bytes, unless they were placed anew meanwhile."""
        number, layout = number_of(change, "version"), layout_of(change)
        is_open = not self.is_deleted and event.epoch >= self.fence
        before = str(layout_of(change, "from"))
        if is_open and self._has(number):
            row = self.rows[index := number - self.first]
            if row["layout"] == before:
                self.rows[index] = {**row, "layout": str(layout), "placed": event.number}
                self.placed[index] = event.number

    def _dropped(self, event: Event, change: Change) -> None:
        """Unless it is kept by an alias, or is to last longer than whoever drops it knew."""
        number = number_of(change, "version")
        spared, seen = texts_of(change, "unless"), seen_of(change)
        if not self._has(number):
            return
        row, aliases = self.rows[number - self.first], self.aliases_of(number)
        is_kept = "unless" in change and any(not spared or each in spared for each in aliases)
        if is_kept or (seen is not None and seen != [row.get("ttl"), self.ttl]):
            return
        self.rows[number - self.first] = {**row, "dropped": event.time}
        self.dropped += 1
        self._move_latest(number, aliases, next(iter(self), None))

    def _move_latest(
        self, number: int, aliases: list[str], newest: VersionRow | LinkRow | None
    ) -> None:
        """The aliases go with what they were on; `latest` moves to the newest there is."""
        self.aliases = {alias: at for alias, at in self.aliases.items() if at != number}
        if LATEST in aliases and newest is not None:
            self.aliases[LATEST] = newest.number

    def _retained(self, _event: Event, change: Change) -> None:
        self.ttl = ttl_of(change)

    def _linked(self, event: Event, change: Change) -> None:
        """The same version linked again is the link there is, to which the aliases move."""
        if self.is_deleted or not self.is_portfolio:
            self.outcome = None
            return
        if self._was_done(change):
            return
        row, aliases = new_link(self.next, event, change), texts_of(change, "aliases")
        key = key_of(row)
        number = self._newest(key, lambda there: is_same_link(there, row))
        if number is None:
            number = self.next
            self.rows.append(row)
            self.index += key[:_INDEXED]
            self.placed.append(event.number)
        self._do(number, aliases, change)

    def _unlinked(self, _event: Event, change: Change) -> None:
        if not self._links(number := number_of(change, "version")):
            return
        aliases = self.aliases_of(number)
        self.rows[number - self.first] = {**self.rows[number - self.first], "is_gone": True}
        self._move_latest(number, aliases, next(self.links(), None))

    def _described(self, _event: Event, change: Change) -> None:
        self.description = facts_of(change)["description"]

    def _labelled(self, _event: Event, change: Change) -> None:
        if (tag := text_of(change, "tag")) not in self.tags:
            self.tags.append(tag)

    def _unlabelled(self, _event: Event, change: Change) -> None:
        tag = text_of(change, "tag")
        self.tags = [each for each in self.tags if each != tag]

    def _retyped(self, _event: Event, change: Change) -> None:
        self.type = text_of(change, "type")

    def _renamed(self, _event: Event, change: Change) -> None:
        name = text_of(change, "name")
        self.left[self.name] = self.next
        self.name = name

    def _deleted(self, _event: Event, _change: Change) -> None:
        self.is_deleted = True

    def _fenced(self, _event: Event, change: Change) -> None:
        self.fence = max(self.fence, number_of(change, "epoch", MAX_EPOCH))

    def _update(self, number: int, event: Event, facts: Mapping[str, Any]) -> None:
        index = number - self.first
        if self._has(number) and facts:
            row = self.rows[index]
            if any(row.get(key) != value for key, value in facts.items()):
                self.rows[index] = {**row, **facts, "updated": event.time}

    def _place(self, number: int, event: Event, change: Change) -> None:
        """Content that was stored anew lies where it was stored last: the rest may be damaged."""
        row = self.rows[number - self.first]
        names = {"manifest": str(manifest_of(change)), "layout": str(layout_of(change))}
        if any(row[each] != name for each, name in names.items()):
            self.rows[number - self.first] = {**row, **names, "placed": event.number}
            self.placed[number - self.first] = event.number

    def _has(self, number: int) -> bool:
        is_there = not self.is_portfolio and 0 <= number - self.first < len(self.rows)
        return is_there and not self.rows[number - self.first].get("dropped")

    def _links(self, number: int) -> bool:
        is_there = self.is_portfolio and 0 <= number - self.first < len(self.rows)
        return is_there and not self.rows[number - self.first].get("is_gone")

    def _tags_of(self, number: int) -> list[str]:
        return [*self.rows[number - self.first].get("tags", ())]

    def _tag(self, number: int, event: Event, tags: list[str]) -> None:
        have = self._tags_of(number)
        if new := [tag for tag in tags if tag not in have]:
            self._update(number, event, {"tags": have + new})

    def save(self, put: Put | None = None) -> Mapping[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "first": self.first,
            "portfolio": self.is_portfolio,
            "fence": self.fence,
            "deleted": self.is_deleted,
            "created": self.created,
            "description": self.description,
            "tags": self.tags,
            "left": self.left,
            "ttl": self.ttl,
            "dropped": self.dropped,
            "deeds": self.deeds,
            "aliases": self.aliases,
            "rows": self.rows.save(put),
            "index": base64.b64encode(self.index).decode(),
            "placed": self.placed,
        }

    @classmethod
    def load(cls, head: Mapping[str, Any], checkpoints: Checkpoints) -> Self:
        state = cls(
            name=head["name"],
            type=head["type"],
            first=head["first"],
            is_portfolio=head["portfolio"],
            fence=head["fence"],
            is_deleted=head["deleted"],
            created=head["created"],
            description=head["description"],
            tags=[*head["tags"]],
            left=dict(head["left"]),
            ttl=head["ttl"],
            dropped=head["dropped"],
            deeds=dict(head["deeds"]),
            aliases=dict(head["aliases"]),
            rows=Rows.load(head["rows"], checkpoints),
            index=bytearray(base64.b64decode(head["index"])),
            placed=[*head["placed"]],
        )
        if len(state.index) != _INDEXED * len(state.rows) or len(state.placed) != len(state.rows):
            raise ValueError("its index is not that of its rows")
        return state


def id_of(fold: Fold[CollectionState]) -> str:
    """The collection's, which it has for ever."""
    return fold.log.name.rpartition("/")[2]


# the rules are the class's own, spelled out so that the format can be read in one place
_RULES: Mapping[str, Callable[[CollectionState, Event, Change], None]] = {
    "created": CollectionState._created,
    "committed": CollectionState._committed,
    "expected": CollectionState._expected,
    "updated": CollectionState._updated,
    "aliased": CollectionState._aliased,
    "unaliased": CollectionState._unaliased,
    "tagged": CollectionState._tagged,
    "untagged": CollectionState._untagged,
    "placed": CollectionState._placed,
    "dropped": CollectionState._dropped,
    "retained": CollectionState._retained,
    "linked": CollectionState._linked,
    "unlinked": CollectionState._unlinked,
    "described": CollectionState._described,
    "labelled": CollectionState._labelled,
    "unlabelled": CollectionState._unlabelled,
    "retyped": CollectionState._retyped,
    "renamed": CollectionState._renamed,
    "deleted": CollectionState._deleted,
    "fenced": CollectionState._fenced,
}
