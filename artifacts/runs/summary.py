"""Summary: one value for each key of a run, kept by what is logged and by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import RLock
from typing import Any, TypeAlias, TypeGuard

from artifacts.runs.metrics import Aggregate, Metrics
from artifacts.runs.values import Plain, plain

OWN = "_wandb"
"""What the run keeps in its summary for itself is below that key, as W&B has it."""
Values: TypeAlias = dict[str, Plain]
Tell: TypeAlias = Callable[[str], None]
"""Hears of each key of the summary that somebody changed by hand."""


class SummaryDict:
    """A dict whose members are attributes too. A nested dict is one of these as well."""

    __slots__ = ("_changed", "_lock", "_values")

    def __init__(self, values: Values, lock: RLock, changed: Callable[[str], None]) -> None:
        for name, value in (("_values", values), ("_lock", lock), ("_changed", changed)):
            object.__setattr__(self, name, value)

    _values: Values
    _lock: RLock
    _changed: Callable[[str], None]

    def _read(self) -> Values:
        """As it is now. The caller holds the lock."""
        return self._values

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Raises KeyError."""
        with self._lock:
            value = self._read()[key]
        return self._below(key, value) if _is_nested(value) else value

    def __setitem__(self, key: str, val: object) -> None:
        """Raises TypeError for what cannot be logged either."""
        self.update({key: val})

    def __delitem__(self, key: str) -> None:
        """Raises KeyError."""
        with self._lock:
            del self._read()[key]
        self._changed(key)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("__"):  # what copying and pickling look for
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the summary has no {name!r}") from None

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return key in self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        with self._lock:
            return len(self._read())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SummaryDict):
            return self._as_dict() == other._as_dict()
        return isinstance(other, Mapping) and self._as_dict() == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._as_dict())

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """The value, or the default."""
        return self[key] if key in self else default  # noqa: SIM401  # it is this very method

    def keys(self) -> list[str]:
        """As they are now, those that the run keeps itself among them."""
        with self._lock:
            return [*self._read()]

    def items(self) -> list[tuple[str, Any]]:
        """As they are now."""
        return [*self._as_dict().items()]

    def update(self, d: Mapping[str, Any]) -> None:
        """Nested dicts are merged, everything else takes the place of what was there."""
        values = {str(key): plain(value, f"summary[{key!r}]") for key, value in d.items()}
        with self._lock:
            merge(self._read(), values)
        for key in values:
            self._changed(key)

    def _below(self, key: str, values: Values) -> SummarySubDict:
        return SummarySubDict(values, self._lock, lambda _: self._changed(key))

    def _as_dict(self) -> Values:
        with self._lock:
            return copied(self._read())


class SummarySubDict(SummaryDict):
    """A dict within the summary. To change it is to change the summary."""

    __slots__ = ()


class Summary(SummaryDict):
    """That of a run: the last value of each key, unless `define_metric` or somebody says else.

    A value that is set by hand stays until the key is logged again; what is added up of its key
    begins anew then. With each row `_step`, `_timestamp` and `_runtime` are logged as well.
    """

    __slots__ = ("_aggregates", "_metrics", "_of_last_row", "_seen", "_tell")

    def __init__(
        self, metrics: Metrics, lock: RLock, tell: Tell, of_last_row: Callable[[], Values] = dict
    ) -> None:
        super().__init__({}, lock, self._set_by_hand)
        object.__setattr__(self, "_of_last_row", of_last_row)
        object.__setattr__(self, "_seen", {})
        object.__setattr__(self, "_metrics", metrics)
        object.__setattr__(self, "_aggregates", {})
        object.__setattr__(self, "_tell", tell)

    _metrics: Metrics
    _aggregates: dict[str, Aggregate]
    _tell: Tell
    _of_last_row: Callable[[], Values]
    _seen: Values  # of the last row, so far

    def _read(self) -> Values:
        """Only now what each row would have to say of itself is looked up: to log is faster so."""
        new = self._of_last_row()
        if new != self._seen:
            object.__setattr__(self, "_seen", new)
            self._values.update(new)
        return self._values

    def _leave(self, lock: RLock) -> None:
        """In a forked child, where nobody may ever give up the one before."""
        object.__setattr__(self, "_lock", lock)

    def _set_by_hand(self, key: str) -> None:
        with self._lock:
            for name in [*self._aggregates]:
                if name == key or name.startswith(f"{key}."):
                    del self._aggregates[name]
        self._tell(key)

    def _take(self, values: Values, *, is_last: bool) -> None:
        """What was logged. Late values are last values only of keys that have none.

        The caller holds the lock.
        """
        if not self._metrics and is_last and not any(type(v) is dict for v in values.values()):
            self._values.update(values)
            return
        for key, value in values.items():
            if _is_nested(value):
                self._take_nested(key, value, is_last=is_last)
            else:
                self._take_one(self._values, key, key, value, is_last=is_last)

    def _take_nested(self, key: str, value: Values, *, is_last: bool) -> None:
        if not _is_nested(self._values.get(key)):
            self._values[key] = {}
        home: Values = self._values[key]
        for path, each in _leaves(value):
            place = home
            for name in path[:-1]:
                if not _is_nested(place.get(name)):
                    place[name] = {}
                place = place[name]
            dotted = ".".join((key, *path))
            self._take_one(place, path[-1], dotted, each, is_last=is_last)

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

    def _counts(self) -> dict[str, int]:
        """How many numbers each mean is of, so that a resumed run can go on with it."""
        with self._lock:
            return {
                key: each.count
                for key, each in self._aggregates.items()
                if each.count and self._has_mean(key)
            }

    def _has_mean(self, key: str) -> bool:
        metric = self._metrics.of(key)
        return metric is not None and "mean" in (metric.summary or ())

    def _resume(self, values: Mapping[str, Plain], counts: Mapping[str, int]) -> None:
        """As it was when the run stopped."""
        with self._lock:
            self._values.update(values)
            for key, count in counts.items():
                aggregate = self._aggregates[key] = Aggregate()
                aggregate.resume(_found(self._values, key), count)


def merge(into: Values, values: Values) -> None:
    """Nested dicts member by member; what has a `_type` is one value."""
    for key, value in values.items():
        if _is_nested(value) and _is_nested(into.get(key)):
            merge(into[key], value)
        else:
            into[key] = value


def copied(values: Values) -> Values:
    """A copy whose nested dicts are copies too."""
    return {key: copied(each) if type(each) is dict else each for key, each in values.items()}


def _is_nested(value: Plain) -> TypeGuard[Values]:
    return type(value) is dict and "_type" not in value


def _leaves(values: Values) -> Iterator[tuple[tuple[str, ...], Plain]]:
    for key, value in values.items():
        if _is_nested(value):
            yield from (((key, *path), each) for path, each in _leaves(value))
        else:
            yield (key,), value


def _found(values: Values, key: str) -> Plain:
    """By its own name, or down the dots."""
    if key in values:
        return values[key]
    home, _, rest = key.partition(".")
    below = values.get(home)
    return _found(below, rest) if rest and _is_nested(below) else None
