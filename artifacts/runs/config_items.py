"""ConfigItems: the members of a configuration, which of them are locked, and who hears of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from artifacts.artifact import Artifact
from artifacts.errors import ConfigError, InvalidError
from artifacts.runs.values import Media, Plain, friendly

Tell: TypeAlias = Callable[[dict[str, Plain]], None]
"""Hears of the members that were set."""
Use: TypeAlias = Callable[[str, object], Artifact]
"""Makes an artifact that was set an input of the run, known by the key."""
_URI = "wandb-artifact://"
_log = logging.getLogger(__name__)


class ConfigItems:
    """What a configuration shows. Keys lose the dashes around them."""

    def __init__(self, tell: Tell = lambda _: None, *, may_change: bool = False) -> None:
        self.values: dict[str, Any] = {}
        self._locked: dict[str, str] = {}  # and who locked them
        self._tell = tell
        self._use: Use | None = None
        self._may_change = may_change

    def listen(self, tell: Tell, use: Use) -> None:
        """Artifacts that it holds already are used; from now on what is set is told."""
        self._tell, self._use = tell, use
        held = {key: value for key, value in self.values.items() if _is_artifact(value)}
        if held:
            self.set(held, allow=True)

    def set(self, given: Mapping[str, Any], *, allow: bool | None = None) -> None:
        """All of it, or nothing: ConfigError for another value than there was.

        That is as the run has it, unless it is said whether to `allow` it.
        """
        clean = {plain_key(key): value for key, value in given.items()}
        clean = {key: self._value(key, value) for key, value in clean.items()}
        if not (self._may_change if allow is None else allow):
            for key, value in clean.items():
                self._refuse_change(key, value)
        self.values.update(clean)
        if clean:
            self._tell(written(clean))

    def set_anew(self) -> None:
        """All of it is told as it is by now."""
        self.values.update({key: self._value(key, each) for key, each in self.values.items()})
        self._tell(written(self.values))

    def lock(self, keys: Iterable[str], user: str) -> None:
        """Nobody changes them from now on but who locks them anew."""
        self._locked.update(dict.fromkeys(map(plain_key, keys), user))

    def is_locked(self, key: str) -> bool:
        """Which is said."""
        if (user := self._locked.get(plain_key(key))) is None:
            return False
        _log.warning("config item %r was locked by %s: it stays as it is", key, user)
        return True

    def _refuse_change(self, key: str, value: object) -> None:
        if key in self.values and not _is_same(self.values[key], value):
            raise ConfigError(key, self.values[key], value)

    def _value(self, key: str, value: object) -> Any:  # noqa: ANN401
        """Raises InvalidError for media, and for artifacts within lists and dicts."""
        if isinstance(value, Media) and not isinstance(value, type):
            raise InvalidError(f"config {key!r} is a {type(value).__name__}: log it instead")
        if _is_artifact(value):
            return self._use(key, value) if self._use else value
        _refuse_artifacts(key, value)
        return friendly(value, f"config[{key!r}]")


def plain_key(key: str) -> str:
    """Without the dashes around it."""
    return str(key).strip("-")


def written(items: Mapping[str, Any]) -> dict[str, Plain]:
    """As the run's log keeps them."""
    return {
        key: {
            "_type": "artifactVersion",
            "id": value.id,
            "name": value.source_qualified_name,
            "digest": value.digest,
            "usedAs": key,
        }
        if isinstance(value, Artifact) and not value.is_draft()
        else value
        for key, value in items.items()
    }


def _is_artifact(value: object) -> bool:
    return isinstance(value, Artifact) or (isinstance(value, str) and value.startswith(_URI))


def _is_same(old: object, new: object) -> bool:
    if isinstance(old, Artifact) and isinstance(new, Artifact):
        return old.id == new.id
    return old == new or (old != old and new != new)  # noqa: PLR0124  # NaN is as it was


def _refuse_artifacts(key: str, value: object) -> None:
    members: list[object] = []
    if isinstance(value, Mapping):
        members.extend(value.values())
    elif isinstance(value, list | tuple):
        members.extend(value)
    for each in members:
        if _is_artifact(each):
            raise InvalidError(f"config {key!r} holds an artifact within: give it a key of its own")
        _refuse_artifacts(key, each)
