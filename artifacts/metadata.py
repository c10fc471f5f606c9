"""Metadata: what a user notes about an artifact, as plain JSON values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from artifacts.errors import InvalidError

MAX_KEYS = 100


def check_metadata(value: object) -> dict[str, Any]:
    """A deep copy as a JSON round trip would leave it: tuples are lists, keys are text.

    Sets are sorted lists, so that equal metadata stays equal; NaN is None; dates are ISO 8601;
    arrays and tensors are lists, their scalars numbers. None stands for {}. Raises TypeError
    for what JSON has no form for, InvalidError for more than 100 keys, an infinity, text that
    is not UTF-8, two keys of one text.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"metadata must be dict, not {type(value).__name__}")
    if len(value) > MAX_KEYS:
        raise InvalidError(f"metadata has {len(value)} keys, at most {MAX_KEYS} are allowed")
    try:
        return _plain_mapping(value, "metadata")
    except RecursionError:
        raise InvalidError("metadata nests too deeply, or contains itself") from None


def check_text(value: object, what: str) -> str | None:
    """The text itself; None stands for none. Raises TypeError, InvalidError if it is not UTF-8."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    return _plain_text(value, what)


def _plain(value: object, where: str) -> object:
    """`where` is how the user reaches the value: metadata['a'][0]."""
    match value:
        case None | bool():
            return value
        case int() | float() | str():
            return _plain_atom(value, where)
        case Mapping():
            return _plain_mapping(value, where)
        case list() | tuple():
            return [_plain(member, f"{where}[{at}]") for at, member in enumerate(value)]
        case set() | frozenset():
            return _in_order(_plain(member, where) for member in value)
    return _plain_foreign(value, where)


def _plain_mapping(value: Mapping[Any, Any], where: str) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, member in value.items():
        text = _plain_key(key, where)
        if text in plain:
            raise InvalidError(f"{where} has two keys that are both written {text!r}")
        plain[text] = _plain(member, f"{where}[{text!r}]")
    return plain


def _plain_key(key: object, where: str) -> str:
    plain = _plain(key, f"a key of {where}")
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain_atom(value: int | float | str, where: str) -> int | float | str | None:
    """Nothing but the value of what is also a NumPy scalar or a member of an enumeration."""
    if isinstance(value, float):
        return _plain_float(value, where)
    return _plain_text(value, where) if isinstance(value, str) else int(value)


def _plain_float(value: float, where: str) -> float | None:
    if math.isinf(value):
        raise InvalidError(f"{where} is {value}: JSON has no infinities, use None or text")
    return None if math.isnan(value) else float(value)


def _plain_text(value: str, where: str) -> str:
    text = str.__str__(value)  # unlike str(), gives an enumeration's value, not its name
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidError(f"{where} is not UTF-8: {text!r}") from None
    return text


def _plain_foreign(value: object, where: str) -> object:
    """NumPy, torch, JAX, pandas and datetime, by what they can do, without importing any."""
    for method in ("tolist", "item", "isoformat"):
        if hasattr(value, method):
            return _plain(getattr(value, method)(), where)
    raise TypeError(f"{where} is a {type(value).__name__}, for which JSON has no form")


def _in_order(members: Iterable[Any]) -> list[Any]:
    listed = list(members)
    try:
        return sorted(listed)
    except TypeError:  # not all of one kind
        return sorted(listed, key=json.dumps)
