"""Metrics: what is said of keys: their axis, and what their summary is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from artifacts.errors import InvalidError

_SUMMARIES = ("min", "max", "mean", "best", "last", "copy", "none", "first")
_ADDED_UP = ("min", "max", "mean", "best")
_GOALS = {"min": "minimize", "max": "maximize"}
_KINDS: Mapping[str, type] = {
    "name": str,
    "step_metric": str,
    "step_sync": bool,
    "hidden": bool,
    "summary": str,
    "goal": str,
    "overwrite": bool,
}


class Metric(Struct, frozen=True):
    """One call of `define_metric`; what was not said is None. Source: W&B SDK 0.19.8."""

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] | None = None
    goal: str | None = None
    overwrite: bool | None = None

    @classmethod
    def define(cls, **said: Any) -> Metric:  # noqa: ANN401
        """Raises InvalidError for a name that is empty or has a * before its end, for another
        summary or goal than there are, or for a value of another type.
        """
        if isinstance(said.get("step_metric"), Metric):
            said["step_metric"] = said["step_metric"].name
        for key, value in said.items():
            if value is not None and not isinstance(value, _KINDS[key]):
                wanted = f"{_KINDS[key].__name__}, not {type(value).__name__}"
                raise InvalidError(f"define_metric: {key} must be {wanted}")
        name = said["name"]
        if not name:
            raise InvalidError("define_metric: the name is empty")
        if "*" in name[:-1]:
            raise InvalidError(f"define_metric: {name!r} has a * elsewhere than at its end")
        said["summary"] = _summaries(said.get("summary"))
        said["goal"] = _goal(said.get("goal"))
        if said.get("step_sync") is None and said.get("step_metric"):
            said["step_sync"] = True
        return cls(**said)

    def facts(self) -> dict[str, Any]:
        """What was said, as the run's log keeps it."""
        said = {key: value for key, value in asdict(self).items() if value is not None}
        return {**said, "summary": list(self.summary)} if self.summary else said

    def over(self, before: Metric | None) -> Metric:
        """What holds if this is said after that."""
        if before is None or self.overwrite:
            return self
        return Metric.of({**before.facts(), **self.facts()})

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Metric:
        """What `facts` said; what a later version of this software says more is left out."""
        said = {key: facts[key] for key in _KINDS if key in facts}
        if said.get("summary") is not None:
            said["summary"] = tuple(said["summary"])
        return cls(**said)


def _summaries(text: str | None) -> tuple[str, ...] | None:
    if not text:
        return None
    names = tuple(name.strip().lower() for name in text.split(","))
    for name in names:
        if name not in _SUMMARIES:
            wanted = ", ".join(_SUMMARIES)
            raise InvalidError(f"define_metric: no summary is called {name!r}, only {wanted}")
    return names


def _goal(text: str | None) -> str | None:
    if text is None:
        return None
    if (goal := _GOALS.get(text[:3].lower())) is None:
        raise InvalidError(f"define_metric: the goal {text!r} is neither minimize nor maximize")
    return goal


class Metrics:
    """All that was defined. An exact name counts before a glob, of globs the longest."""

    def __init__(self) -> None:
        self._exact: dict[str, Metric] = {}
        self._globs: dict[str, Metric] = {}
        self._found: dict[str, Metric | None] = {}

    def add(self, metric: Metric) -> Metric:
        """What holds of the name from now on."""
        table = self._globs if metric.name.endswith("*") else self._exact
        table[metric.name] = metric.over(table.get(metric.name))
        self._found.clear()
        return table[metric.name]

    def __iter__(self) -> Iterator[Metric]:
        yield from self._exact.values()
        yield from self._globs.values()

    def __bool__(self) -> bool:
        return bool(self._exact or self._globs)

    def of(self, key: str) -> Metric | None:
        """What is said of a key; globs say nothing of those that begin with `_`."""
        try:
            return self._found[key]
        except KeyError:
            found = self._found[key] = self._exact.get(key) or self._by_glob(key)
            return found

    def _by_glob(self, key: str) -> Metric | None:
        if key.startswith("_"):
            return None
        fitting = [name for name in self._globs if key.startswith(name[:-1])]
        return self._globs[max(fitting, key=len)] if fitting else None

    def axes(self, row: Mapping[str, Any]) -> list[str]:
        """Step metrics that are to be in the row with its keys, and are not."""
        found = (self.of(key) for key in row)
        axes = {each.step_metric: None for each in found if each and each.step_sync}
        return [axis for axis in axes if axis and axis not in row]


class Aggregate:
    """What the numbers of one key add up to. NaN, and what is no number, adds nothing."""

    __slots__ = ("best", "count", "first", "last", "max", "mean", "min")

    def __init__(self) -> None:
        self.min = self.max = self.mean = self.first = self.last = self.best = None
        self.count = 0

    min: float | None
    max: float | None
    mean: float | None
    best: float | None
    first: Any
    last: Any
    count: int

    def add(self, value: object, metric: Metric, *, is_last: bool) -> None:
        """A late value is never the last one."""
        if is_last or self.last is None:
            self.last = value
        if self.first is None:
            self.first = value
        if not isinstance(value, int | float) or math.isnan(value):
            return
        self.count += 1
        self.mean = value if self.mean is None else self.mean + (value - self.mean) / self.count
        self.min = value if self.min is None else min(self.min, value)
        self.max = value if self.max is None else max(self.max, value)
        self.best = self.max if metric.goal == "maximize" else self.min

    def tell(self, metric: Metric) -> dict[str, Any]:
        """By the names of its summaries, but for those that are nothing yet."""
        wanted = ("last" if name == "copy" else name for name in metric.summary or ())
        told = ((name, getattr(self, name)) for name in wanted if name != "none")
        return {name: value for name, value in told if value is not None}

    def resume(self, told: object, count: int) -> None:
        """Go on from what the summary of the run said before; anew, if that are no numbers."""
        if not isinstance(told, Mapping):
            return
        numbers = {name: _number(told[name]) for name in _ADDED_UP if name in told}
        if None in numbers.values():
            return
        self.min = self.max = numbers.get("best")  # which is one of them
        for name, number in numbers.items():
            setattr(self, name, number)
        self.first, self.last = told.get("first"), told.get("last")
        self.count = count


def _number(told: object) -> float | None:
    """Also one that an event names, as JSON has none of its kind; None for what is none."""
    if told in ("NaN", "Infinity", "-Infinity"):
        return float(str(told))
    return told if isinstance(told, int | float) else None
