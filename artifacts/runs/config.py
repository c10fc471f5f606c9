"""Config: what a run was made with; changed only by who says that it may be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from artifacts.artifact import Artifact
from artifacts.errors import ConfigError, InvalidError
from artifacts.runs.given import config_of
from artifacts.runs.summary import copied
from artifacts.runs.values import Media, Plain, friendly

Tell: TypeAlias = Callable[[dict[str, Plain]], None]
"""Hears of the members that were set."""
Use: TypeAlias = Callable[[str, object], Artifact]
"""Makes an artifact that was set an input of the run, known by the key."""
_URI = "wandb-artifact://"
_log = logging.getLogger(__name__)


class Config:
    """Members are items and attributes. Source: W&B SDK 0.19.8.

    Keys lose the dashes around them. A value that is there already is changed only with
    `allow_val_change`, else ConfigError is raised. What was locked is not changed, which is said.
    """

    def __init__(self) -> None:
        self._setup(lambda _: None, None)

    _items: dict[str, Any]
    _locked: dict[str, str]
    _tell: Tell
    _use: Use | None
    _may_change: bool

    def _setup(self, tell: Tell, use: Use | None, *, may_change: bool = False) -> None:
        self.__dict__.update(_items={}, _locked={}, _tell=tell, _use=use, _may_change=may_change)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Raises KeyError."""
        return self._items[key]

    def __setitem__(self, key: str, val: object) -> None:
        """Raises ConfigError if it is another than it was."""
        if not self._is_locked(key):
            self._set({key: val}, None)

    def __getattr__(self, key: str) -> Any:  # noqa: ANN401
        try:
            return self.__dict__["_items"][key]
        except KeyError:
            raise AttributeError(f"the configuration has no {key!r}") from None

    def __setattr__(self, key: str, val: object) -> None:
        self[key] = val

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Config | Mapping):
            return dict(self.items()) == dict(other.items())
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def keys(self) -> list[str]:
        """Without what the run keeps here itself."""
        return [key for key in self._items if key != "_wandb"]

    def items(self) -> list[tuple[str, Any]]:
        """Likewise."""
        return [(key, self._items[key]) for key in self.keys()]

    def get(self, *args: Any) -> Any:  # noqa: ANN401
        """As dict.get."""
        return self._items.get(*args)

    def as_dict(self) -> dict[str, Any]:
        """A copy."""
        return copied(self._items)

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:  # noqa: ANN401
        """All of it, or, if a value may not be changed, nothing. Takes what `init` takes."""
        given = config_of(d)
        self._set({k: v for k, v in given.items() if not self._is_locked(k)}, allow_val_change)

    def setdefaults(self, d: Any) -> None:  # noqa: ANN401
        """Only what is not there yet."""
        given = {_key(key): value for key, value in config_of(d).items()}
        self._set({k: v for k, v in given.items() if k not in self._items}, None)

    def setdefault(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """The value, which is the default if there was none."""
        self.setdefaults({key: default})
        return self[_key(key)]

    def update_locked(
        self,
        d: Mapping[str, Any],
        user: str | None = None,
        _allow_val_change: bool | None = None,
    ) -> None:
        """Set members that nobody but their user changes from now on."""
        self._set(d, _allow_val_change)
        self._locked.update(dict.fromkeys(map(_key, d), user or "nobody"))

    def merge_locked(
        self,
        d: Mapping[str, Any],
        user: str | None = None,
        _allow_val_change: bool | None = None,
    ) -> None:
        """As `update_locked`, but members that are dicts keep what else they have."""
        merged = {
            key: {**self._items[_key(key)], **value}
            if isinstance(value, dict) and isinstance(self._items.get(_key(key)), dict)
            else value
            for key, value in d.items()
        }
        self.update_locked(merged, user, _allow_val_change)

    def _listen(self, tell: Tell, use: Use) -> None:
        """Artifacts that it holds already are used; from now on what is set is told."""
        self.__dict__.update(_tell=tell, _use=use)
        held = {key: value for key, value in self._items.items() if _is_artifact(value)}
        if held:
            self._set(held, allow=True)

    def persist(self) -> None:
        """Have all of it recorded anew, for instance after a nested dict was changed in place."""
        self._items.update({key: self._value(key, each) for key, each in self._items.items()})
        self._tell(written(self._items))

    def _set(self, given: Mapping[str, Any], allow: bool | None) -> None:
        clean = {_key(key): value for key, value in given.items()}
        clean = {key: self._value(key, value) for key, value in clean.items()}
        if not (self._may_change if allow is None else allow):
            for key, value in clean.items():
                self._refuse_change(key, value)
        self._items.update(clean)
        if clean:
            self._tell(written(clean))

    def _refuse_change(self, key: str, value: object) -> None:
        if key in self._items and not _is_same(self._items[key], value):
            raise ConfigError(key, self._items[key], value)

    def _is_locked(self, key: str) -> bool:
        if (user := self._locked.get(_key(key))) is None:
            return False
        _log.warning("config item %r was locked by %s: it stays as it is", key, user)
        return True

    def _value(self, key: str, value: object) -> Any:  # noqa: ANN401
        """Raises InvalidError for media, and for artifacts within lists and dicts."""
        if isinstance(value, Media) and not isinstance(value, type):
            raise InvalidError(f"config {key!r} is a {type(value).__name__}: log it instead")
        if _is_artifact(value):
            return self._use(key, value) if self._use else value
        _refuse_artifacts(key, value)
        return friendly(value, f"config[{key!r}]")


class ConfigStatic:
    """A configuration that is only read."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.__dict__.update(config)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Raises KeyError."""
        return self.__dict__[key]

    def __setitem__(self, key: str, val: object) -> None:
        """Raises AttributeError."""
        raise AttributeError("config_static is read only: change run.config")

    def __setattr__(self, key: str, val: object) -> None:
        self[key] = val

    def __getattr__(self, key: str) -> Any:  # noqa: ANN401
        raise AttributeError(f"the configuration has no {key!r}")

    def keys(self) -> list[str]:
        """In the order in which they were set."""
        return [*self.__dict__]

    def __repr__(self) -> str:
        return repr(self.__dict__)


def _is_artifact(value: object) -> bool:
    return isinstance(value, Artifact) or (isinstance(value, str) and value.startswith(_URI))


def _key(key: str) -> str:
    return str(key).strip("-")


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
