"""Summary: one value for each key of a run, kept by what is logged and by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from artifacts.runs.summary_fold import SummaryFold, Values, copied, is_nested, merge
from artifacts.runs.values import plain

Tell: TypeAlias = Callable[[str], None]
"""Hears of each key that somebody changed by hand."""


class SummaryDict:
    """A dict whose members are attributes too. A nested dict is one of these as well."""

    __slots__ = ("_changed", "_fold", "_values")

    def __init__(self, values: Values, fold: SummaryFold, changed: Tell) -> None:
        for name, value in (("_values", values), ("_fold", fold), ("_changed", changed)):
            object.__setattr__(self, name, value)

    _values: Values
    _fold: SummaryFold  # that the values are a part of
    _changed: Tell

    def _read(self) -> Values:
        """As it is now. The caller holds the lock."""
        return self._values

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Raises KeyError."""
        with self._fold.lock:
            value = self._read()[key]
        return self._below(key, value) if is_nested(value) else value

    def __setitem__(self, key: str, val: object) -> None:
        """Raises TypeError for what cannot be logged either."""
        self.update({key: val})

    def __delitem__(self, key: str) -> None:
        """Raises KeyError."""
        with self._fold.lock:
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
        with self._fold.lock:
            return key in self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        with self._fold.lock:
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
        with self._fold.lock:
            return [*self._read()]

    def items(self) -> list[tuple[str, Any]]:
        """As they are now."""
        return [*self._as_dict().items()]

    def update(self, d: Mapping[str, Any]) -> None:
        """Nested dicts are merged, everything else takes the place of what was there."""
        values = {str(key): plain(value, f"summary[{key!r}]") for key, value in d.items()}
        with self._fold.lock:
            merge(self._read(), values)
        for key in values:
            self._changed(key)

    def _below(self, key: str, values: Values) -> SummarySubDict:
        return SummarySubDict(values, self._fold, lambda _: self._changed(key))

    def _as_dict(self) -> Values:
        with self._fold.lock:
            return copied(self._read())


class SummarySubDict(SummaryDict):
    """A dict within the summary. To change it is to change the summary."""

    __slots__ = ()


class Summary(SummaryDict):
    """That of a run: the last value of each key, unless `define_metric` or somebody says else.

    A value that is set by hand stays until the key is logged again; what is added up of its key
    begins anew then. With each row `_step`, `_timestamp` and `_runtime` are logged as well.
    """

    __slots__ = ()

    def __init__(self, fold: SummaryFold, tell: Tell) -> None:
        def changed(key: str) -> None:
            with fold.lock:
                fold.begin_anew(key)
            tell(key)

        super().__init__(fold.values, fold, changed)

    def _read(self) -> Values:
        return self._fold.up_to_date()
