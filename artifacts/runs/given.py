"""Given: the configuration that somebody hands over, whatever it is, as a dict."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from artifacts.errors import InvalidError, UsageError

DEFAULTS = "config-defaults.yaml"  # in the working directory, as W&B looks for it


def config_of(
    given: object, exclude: Sequence[str] | None = None, include: Sequence[str] | None = None
) -> dict[str, Any]:
    """Of a dict, a Namespace, absl's or TensorFlow's FLAGS, a Pydantic model, a dataclass or
    another object with attributes, or the path of a YAML or JSON file; None is nothing.

    Raises UsageError for both include and exclude, TypeError for what has no members, InvalidError
    for a file that cannot be read.
    """
    if include and exclude:
        raise UsageError("config_include_keys or config_exclude_keys: only one of them")
    found = _members(given)
    if include:
        return {key: value for key, value in found.items() if key in include}
    if exclude:
        return {key: value for key, value in found.items() if key not in exclude}
    return found


def config_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Of a file in which a value stands alone, or as `{desc: …, value: …}` as W&B writes it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"config {os.fspath(path)!r} cannot be read: {error}") from error
    loaded = _parsed(text, os.fspath(path))
    if not isinstance(loaded, dict):
        raise InvalidError(f"config {os.fspath(path)!r} is no table of keys and values")
    return {
        str(key): value["value"] if isinstance(value, dict) and "value" in value else value
        for key, value in loaded.items()
        if key not in ("wandb_version", "_wandb")
    }


def _members(given: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911
    if given is None:
        return {}
    if isinstance(given, str | os.PathLike):
        return config_file(given)
    given = getattr(given, "FLAGS", given) if type(given).__name__ == "module" else given
    if callable(getattr(given, "flag_values_dict", None)):  # absl
        return dict(given.flag_values_dict())
    if callable(getattr(given, "model_dump", None)):  # Pydantic
        return dict(given.model_dump())
    if isinstance(given, Mapping) or hasattr(given, "keys"):
        return {str(key): given[key] for key in given.keys()}  # noqa: SIM118  # not all iterate keys
    if hasattr(given, "__dict__") and not isinstance(given, type):
        return dict(vars(given))
    if hasattr(given, "__dataclass_fields__"):  # one with slots
        return {name: getattr(given, name) for name in given.__dataclass_fields__}
    raise TypeError(f"config is a {type(given).__name__}: give a dict, or the path of a YAML file")


def _parsed(text: str, path: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        pass  # YAML, most likely
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]  # here: few have such a file
    except ImportError:
        raise InvalidError(f"config {path!r} is YAML: pip install pyyaml, or write JSON") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidError(f"config {path!r} is no YAML: {error}") from error
