"""Values: what a row, a summary or a configuration may hold, as plain JSON values."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from artifacts.errors import InvalidError

Plain: TypeAlias = Any
"""float, int, str, bool, None, and lists and dicts of them; NaN and infinities are floats."""
PLAIN = frozenset((float, int, str, bool, type(None)))
"""Types that are taken as they are. What is a subclass of one is turned into it."""
_FEW = 32  # members of an array that are kept one by one, and bins of one that has more


class Files(Protocol):
    """Where a media object puts its file, so that the run has it under this name."""

    def keep(self, path: str, name: str) -> None: ...


@runtime_checkable
class Media(Protocol):
    """What is logged as a file and a few facts of it."""

    def row_value(self, files: Files, key: str, step: int) -> Mapping[str, Any]:
        """Its facts, of which `_type` says what it is."""


def plain(value: object, where: str, files: Files | None = None, step: int = 0) -> Plain:
    """The value as JSON has it, or nearly: NaN and infinities stay.

    Scalars and small arrays of NumPy, torch and JAX are numbers and lists, larger ones histograms;
    tuples and sets are lists, dates ISO 8601, bytes text, functions their names. Raises TypeError
    for what has no such form, InvalidError for what contains itself or a media object in `where`
    that has no files.
    """
    if type(value) in PLAIN:
        return said(value) if type(value) is str else value
    try:
        return _plain(value, where, files, step)
    except RecursionError:
        raise InvalidError(f"{where} nests too deeply, or contains itself") from None


def friendly(value: object, where: str) -> Plain:
    """As `plain`, but whatever has no form is its own text, as W&B keeps configurations."""
    try:
        if is_dataclass(value) and not isinstance(value, type):
            return friendly(asdict(value), where)
        if isinstance(value, Mapping):
            return {said(str(key)): friendly(each, f"{where}.{key}") for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [friendly(each, where) for each in value]
        return plain(value, where)
    except TypeError:
        return said(str(value))
    except RecursionError:
        raise InvalidError(f"{where} nests too deeply, or contains itself") from None


def said(text: str) -> str:
    """As UTF-8 can have it: half a surrogate, which `os.fsdecode` makes, is spelled out."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def sayable(value: Plain) -> Plain:
    """The same with all texts as `said`."""
    match value:
        case str():
            return said(value)
        case list():
            return [*map(sayable, value)]
        case dict():
            return {said(key): sayable(each) for key, each in value.items()}
    return value


def spelled(value: Plain) -> Plain:
    """The same with a number that JSON has not as its name: NaN, Infinity or -Infinity."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        case list():
            return [*map(spelled, value)]
        case dict():
            return {key: spelled(each) for key, each in value.items()}
    return value


def flat(values: Mapping[str, Plain], prefix: str = "") -> Iterator[tuple[str, Plain]]:
    """Nested values under dotted keys; what has a `_type` is one value."""
    for key, value in values.items():
        if isinstance(value, dict) and value and "_type" not in value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _plain(value: Any, where: str, files: Files | None, step: int) -> Plain:  # noqa: ANN401, PLR0911
    match value:
        case None | bool():
            return value
        case str():
            return said(
                str.__str__(value)
            )  # unlike str(), gives an enumeration's value, not its name
        case int() | float():
            return _number(value)
        case Mapping():
            return {
                _key(key, where): plain(each, f"{where}.{key}", files, step)
                for key, each in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [plain(each, f"{where}[]", files, step) for each in value]
        case bytes():
            return value.decode(errors="replace")
    return _foreign(value, where, files, step)


def _number(value: Any) -> Plain:  # noqa: ANN401
    """Without what it is besides: a member of an enumeration, a NumPy scalar."""
    return float(value) if isinstance(value, float) else int(value)


def _key(key: object, where: str) -> str:
    if isinstance(key, str):
        return said(str.__str__(key))
    if isinstance(key, int | float) or key is None:
        return str(key)
    raise TypeError(f"a key of {where} is a {type(key).__name__}: name it by a text")


def _foreign(value: Any, where: str, files: Files | None, step: int) -> Plain:  # noqa: ANN401
    """By what it can do, without importing whose it is."""
    if isinstance(value, Media):
        if files is None:
            raise InvalidError(f"{where} is a {type(value).__name__}, which has no place here")
        return plain(dict(value.row_value(files, where, step)), where)
    if hasattr(value, "tolist"):
        return _array(value, where)
    for method in ("item", "isoformat"):
        if hasattr(value, method):
            return plain(getattr(value, method)(), where)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    raise TypeError(
        f"{where} is of type {type(value).__name__}, which cannot be logged: "
        "numbers, text, lists, dicts and arrays can"
    )


def _array(value: Any, where: str) -> Plain:  # noqa: ANN401
    """A scalar, a list, or a histogram of what is too long to be read."""
    shape = getattr(value, "shape", ())
    size = math.prod(shape) if isinstance(shape, tuple) else 0
    if size <= _FEW:
        return plain(value.tolist(), where)
    members = list(_members(value.detach().cpu().tolist() if hasattr(value, "detach") else value))
    numbers = [each for each in members if isinstance(each, int | float) and math.isfinite(each)]
    if len(members) != len(numbers) and not numbers:
        return [plain(each, where) for each in members]
    return histogram(numbers)


def _members(value: Any) -> Iterator[Any]:  # noqa: ANN401
    """Of an array of any shape, one by one."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        yield from value.ravel().tolist()
    elif isinstance(value, list):
        for each in value:
            yield from _members(each)
    elif hasattr(value, "tolist") and not isinstance(value, int | float):
        yield from _members(value.tolist())
    else:
        yield value


def histogram(numbers: list[float], bins: int = _FEW) -> dict[str, Plain]:
    """Counts of numbers in equal intervals, and their edges, as W&B writes one."""
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / bins
    counts = [0] * bins
    for each in numbers:
        counts[min(int((each - low) / width), bins - 1)] += 1
    edges = [low + width * at for at in range(bins)] + [high]
    return {"_type": "histogram", "values": counts, "bins": edges}
