"""SummaryFold: what rows add up to: one value for each key of a run, as its summary shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any, TypeAlias, TypeGuard

from artifacts.runs.metrics import Aggregate, Metrics
from artifacts.runs.rows.segments import STEP, TIMESTAMP
from artifacts.runs.values import Plain

_FOR_ITSELF = "_wandb"  # what the run keeps in its summary for itself, as W&B has it
_OF_ROW = (STEP, TIMESTAMP)  # what each row that is stored says of itself
Values: TypeAlias = dict[str, Plain]


class SummaryFold:
    """The last value of each key, or what `define_metric` wants of its values.

    Whoever calls holds the lock, where more than one thread may call.
    """

    def __init__(
        self, metrics: Metrics, lock: RLock, of_last_row: Callable[[], Values] = dict
    ) -> None:
        self.lock = lock
        """In a forked child another one: nobody there may ever give up that of its parent."""
        self.values: Values = {}
        """Without what the last row says of itself, which `up_to_date` adds."""
        self.nested: dict[str, list[str]] = {}
        """Keys of rows, and the names on the way to their values in the summary."""
        self._new_nested: dict[str, list[str]] = {}
        self._metrics = metrics
        self._aggregates: dict[str, Aggregate] = {}
        self._of_last_row = of_last_row
        self._seen: Values = {}  # of the last row, so far

    def up_to_date(self) -> Values:
        """Only now what each row would have to say of itself is looked up: to log is faster so."""
        new = self._of_last_row()
        if new != self._seen:
            self._seen = new
            self.values.update(new)
        return self.values

    def take(self, values: Values, *, is_last: bool) -> None:
        """What was logged. Late values are last values only of keys that have none."""
        if not self._metrics and is_last and not any(type(v) is dict for v in values.values()):
            self.values.update(values)
            return
        for key, value in values.items():
            if is_nested(value):
                self._take_nested(key, value, is_last=is_last)
            else:
                self._take_one(self.values, key, key, value, is_last=is_last)

    def take_stored(
        self, row: Mapping[str, Any], by_hand: Mapping[str, int], *, is_last: bool
    ) -> None:
        """As `take`, of a row that was stored; of members of `by_hand` from the step after on."""
        step, values = row[STEP], dict[str, Any]()
        for key, value in row.items():
            names = self.nested.get(key) or [key]
            if key not in _OF_ROW and by_hand.get(names[0], -1) < step:
                _home(values, names)[names[-1]] = value
        self.take(values, is_last=is_last)
        if is_last:
            self.values.update((key, row[key]) for key in _OF_ROW)

    def begin_anew(self, member: str) -> None:
        """What is added up of its keys, as somebody set it by hand."""
        for name in [*self._aggregates]:
            if is_within(name, member):
                del self._aggregates[name]

    def told(self) -> Values:
        """All of it, with what a resumed run needs to go on with it."""
        counts = {key: each.count for key, each in self._aggregates.items()}
        return copied(self.up_to_date()) | (counted(counts) if counts else {})

    def new_nested(self) -> dict[str, list[str]]:
        """As `nested`, each once."""
        new = dict(self._new_nested)
        self._new_nested.clear()
        return new

    def resume(self, told: Mapping[str, Any], nested: Mapping[str, list[str]]) -> None:
        """As it was when it told this of itself."""
        self.nested.update(nested)
        self.values.update(copied({key: told[key] for key in told if key != _FOR_ITSELF}))
        for key, count in counts_of(told).items():
            aggregate = self._aggregates[key] = Aggregate()
            aggregate.resume(_found(self.values, key), count)

    def _take_nested(self, key: str, value: Values, *, is_last: bool) -> None:
        if not is_nested(self.values.get(key)):
            self.values[key] = {}
        for path, each in _leaves(value):
            names = [key, *path]
            dotted = ".".join(names)
            if dotted not in self.nested:
                self.nested[dotted] = self._new_nested[dotted] = names
            home = _home(self.values, names)
            self._take_one(home, names[-1], dotted, each, is_last=is_last)

    def _take_one(self, home: Values, name: str, key: str, value: Plain, *, is_last: bool) -> None:
        metric = self._metrics.of(key)
        wanted = metric.summary if metric else None
        if metric is None or wanted is None or wanted == ("copy",):
            if is_last or name not in home:
                home[name] = value
        elif "none" not in wanted:
            aggregate = self._aggregates.setdefault(key, Aggregate())
            aggregate.add(value, metric, is_last=is_last)
            home[name] = aggregate.tell(metric)


def merge(into: Values, values: Values) -> None:
    """Nested dicts member by member; what has a `_type` is one value."""
    for key, value in values.items():
        if is_nested(value) and is_nested(into.get(key)):
            merge(into[key], value)
        else:
            into[key] = value


def copied(values: Values) -> Values:
    """A copy whose nested dicts are copies too."""
    return {key: copied(each) if type(each) is dict else each for key, each in values.items()}


def is_nested(value: Plain) -> TypeGuard[Values]:
    """Whether it has members; what has a `_type` is one value."""
    return type(value) is dict and "_type" not in value


def counts_of(told: Mapping[str, Any]) -> dict[str, int]:
    """Of numbers that were added up of each key; what somebody set in their place is passed by."""
    own = told.get(_FOR_ITSELF)
    counts = own.get("counts") if isinstance(own, dict) else None
    there = counts.items() if isinstance(counts, dict) else ()
    return {key: each for key, each in there if _is_count(each)}


def counted(counts: Mapping[str, int]) -> Values:
    """As `counts_of` finds it."""
    return {_FOR_ITSELF: {"counts": {**counts}}}


def is_within(name: str, member: str) -> bool:
    """Whether values of that name are in that member of the summary."""
    return name == member or name.startswith(f"{member}.")


def _is_count(value: Plain) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _home(values: Values, names: Sequence[str]) -> Values:
    """Where the last of them is a member; made, if it is not there."""
    for name in names[:-1]:
        if not is_nested(values.get(name)):
            values[name] = {}
        values = values[name]
    return values


def _leaves(values: Values) -> Iterator[tuple[tuple[str, ...], Plain]]:
    for key, value in values.items():
        if is_nested(value):
            yield from (((key, *path), each) for path, each in _leaves(value))
        else:
            yield (key,), value


def _found(values: Values, key: str) -> Plain:
    """By its own name, or down the dots."""
    if key in values:
        return values[key]
    home, _, rest = key.partition(".")
    below = values.get(home)
    return _found(below, rest) if rest and is_nested(below) else None
