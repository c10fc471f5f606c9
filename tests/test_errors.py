"""The tree drawn in errors.py is the real one, and every error reaches another process whole."""

import builtins
import inspect
import pickle
import re

import pytest

from artifacts import errors

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if cls.__module__ == errors.__name__
]
DRAWING = re.findall(r"^([│├└─ ]*)(\w+Error)\b(.*)$", inspect.getdoc(errors) or "", re.MULTILINE)


def drawn_parents() -> dict[str, str]:
    """Child to parent, read from the drawing: four columns are one level."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for bars, name, _ in DRAWING:
        path = [*path[: len(bars) // 4], name]
        parents[name] = path[-2] if len(path) > 1 else "Exception"
    return parents


def sample(cls: type[errors.ArtifactsError]) -> errors.ArtifactsError:
    """The error with its facts' names for their values."""
    return cls(*list(inspect.signature(cls.__init__).parameters)[1:])


def test_drawn_parent_is_the_first_base() -> None:
    assert {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES} == drawn_parents()


def test_builtin_named_in_the_drawing_is_a_base() -> None:
    claims = {
        name: claim[1] for _, name, text in DRAWING if (claim := re.search(r"\(an? (\w+)\)", text))
    }
    assert claims
    for name, builtin in claims.items():
        assert issubclass(getattr(errors, name), getattr(builtins, builtin))


@pytest.mark.parametrize("cls", CLASSES)
def test_error_survives_pickling(cls: type[errors.ArtifactsError]) -> None:
    error = sample(cls)
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), vars(twin)) == (cls, str(error), vars(error))


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if "__init__" in vars(cls)])
def test_facts_are_attributes(cls: type[errors.ArtifactsError]) -> None:
    facts = list(inspect.signature(cls.__init__).parameters)[1:]
    assert list(vars(sample(cls))) == facts
