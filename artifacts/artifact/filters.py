"""Filters: which of many are meant, written as in MongoDB's queries.

`{"metadata.accuracy": {"$gt": 0.9}, "$or": [{"tag": "prod"}, {"alias": "best"}]}`
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from artifacts.errors import InvalidError

Filter: TypeAlias = Mapping[str, Any]

_JOINS = ("$and", "$or", "$nor")
_ABSENT = object()


def check_filter(wanted: Filter | None, names: Collection[str] | None = None) -> Filter:
    """The filter itself; None stands for one that all match.

    Raises InvalidError for what is no filter, or has an operator that there is not; with `names`,
    for one that asks for anything else, which nothing could match.
    """
    if wanted is None:
        return {}
    if not isinstance(wanted, Mapping):
        raise InvalidError(f"a filter is a dict, not {wanted!r}")
    for key, condition in wanted.items():
        if key in _JOINS:
            if not isinstance(condition, Sequence) or isinstance(condition, str):
                raise InvalidError(f"{key} wants a list of filters, not {condition!r}")
            for each in condition:
                check_filter(each, names)
        elif key.startswith("$"):
            raise InvalidError(f"{key!r} stands for no way to join filters: {', '.join(_JOINS)}")
        elif names is not None and key.partition(".")[0] not in names:
            raise InvalidError(f"{key!r} is nothing to ask for: {', '.join(names)}")
        else:
            _check_condition(condition)
    return wanted


def matches(facts: Mapping[str, Any], wanted: Filter) -> bool:
    """Whether all that a filter says is true of these facts.

    A dotted name leads into what is nested. Of a list one member that matches is enough; for
    `$ne`, `$nin` and `$not`, as in MongoDB, none may be what is excluded. What is absent is
    equal to None. Values that have no order are neither greater nor less.
    """
    return all(_holds(facts, key, condition) for key, condition in wanted.items())


def _holds(facts: Mapping[str, Any], key: str, condition: Any) -> bool:  # noqa: ANN401
    if key in _JOINS:
        found = [matches(facts, each) for each in condition]
        return all(found) if key == "$and" else any(found) == (key == "$or")
    return _meets(_value(facts, key), condition)


def _value(facts: object, key: str) -> object:
    """What a name stands for; a key that has dots itself is found, too."""
    if not isinstance(facts, Mapping):
        return _ABSENT
    if key in facts:
        return facts[key]
    for dot in (found.start() for found in re.finditer(r"\.", key)):
        if key[:dot] in facts:
            return _value(facts[key[:dot]], key[dot + 1 :])
    return _ABSENT


def _meets(value: object, condition: object) -> bool:
    operators = _operators(condition)
    if operators is None:
        return _any(value, lambda each: _equal(each, condition))
    return all(_OPERATORS[name](value, operand) for name, operand in operators.items())


def _operators(condition: object) -> Mapping[str, Any] | None:
    """None for a value that is to be equal."""
    if isinstance(condition, Mapping) and any(str(key).startswith("$") for key in condition):
        return condition
    return None


def _check_condition(condition: object) -> None:
    for name, operand in (_operators(condition) or {}).items():
        if name not in _OPERATORS:
            raise InvalidError(f"{name!r} is no operator: {', '.join(_OPERATORS)}")
        if name == "$not":
            _check_condition(operand)
        elif name in ("$in", "$nin") and not isinstance(operand, list | tuple | set):
            raise InvalidError(f"{name} wants a list, not {operand!r}")
        elif name == "$regex":
            try:
                re.compile(operand)
            except (re.error, TypeError) as error:
                raise InvalidError(f"{operand!r} is no regular expression: {error}") from None


def _members(value: object) -> Iterator[object]:
    """A list, and what is in it."""
    yield value
    if isinstance(value, list | tuple):
        yield from value


def _any(value: object, test: Callable[[object], bool]) -> bool:
    return any(test(each) for each in _members(value))


def _equal(value: object, wanted: object) -> bool:
    if value is _ABSENT:
        return wanted is None
    if isinstance(value, bool) != isinstance(wanted, bool):
        return False  # unlike in Python, True is not 1
    return bool(value == wanted)


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def test(each: object, operand: object) -> bool:
        if each is _ABSENT or isinstance(each, bool) or isinstance(operand, bool):
            return False
        try:
            return bool(compare(each, operand))
        except TypeError:
            return False

    return lambda value, operand: _any(value, lambda each: test(each, operand))


def _is_in(value: object, operands: Iterable[object]) -> bool:
    return any(_meets(value, each) for each in operands)


def _is_found(value: object, pattern: str) -> bool:
    return _any(value, lambda each: isinstance(each, str) and re.search(pattern, each) is not None)


def _contains(value: object, operand: object) -> bool:
    """Of text a part of it, of a list a member."""
    if isinstance(value, str):
        return isinstance(operand, str) and operand in value
    return isinstance(value, list | tuple | Mapping) and operand in value


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, operand: _any(value, lambda each: _equal(each, operand)),
    "$ne": lambda value, operand: not _any(value, lambda each: _equal(each, operand)),
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
    "$in": _is_in,
    "$nin": lambda value, operands: not _is_in(value, operands),
    "$regex": _is_found,
    "$contains": _contains,
    "$exists": lambda value, operand: (value is not _ABSENT) == bool(operand),
    "$not": lambda value, operand: not _meets(value, operand),
}
