"""Config: what a run was made with; changed only by who says that it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from artifacts.runs.config_items import ConfigItems, plain_key
from artifacts.runs.given import config_of
from artifacts.runs.summary_fold import copied


class Config:
    """Members are items and attributes. Source: W&B SDK 0.19.8.

    Keys lose the dashes around them. A value that is there already is changed only with
    `allow_val_change`, else ConfigError is raised. What was locked is not changed, which is said.
    """

    def __init__(self) -> None:
        self.__dict__["_items"] = ConfigItems()

    _items: ConfigItems

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Raises KeyError."""
        return self._items.values[key]

    def __setitem__(self, key: str, val: object) -> None:
        """Raises ConfigError if it is another than it was."""
        if not self._items.is_locked(key):
            self._items.set({key: val})

    def __getattr__(self, key: str) -> Any:  # noqa: ANN401
        try:
            return self.__dict__["_items"].values[key]
        except KeyError:
            raise AttributeError(f"the configuration has no {key!r}") from None

    def __setattr__(self, key: str, val: object) -> None:
        self[key] = val

    def __contains__(self, key: object) -> bool:
        return key in self._items.values

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
        return [key for key in self._items.values if key != "_wandb"]

    def items(self) -> list[tuple[str, Any]]:
        """Likewise."""
        return [(key, self._items.values[key]) for key in self.keys()]

    def get(self, *args: Any) -> Any:  # noqa: ANN401
        """As dict.get."""
        return self._items.values.get(*args)

    def as_dict(self) -> dict[str, Any]:
        """A copy."""
        return copied(self._items.values)

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:  # noqa: ANN401
        """All of it, or, if a value may not be changed, nothing. Takes what `init` takes."""
        given = {k: v for k, v in config_of(d).items() if not self._items.is_locked(k)}
        self._items.set(given, allow=allow_val_change)

    def setdefaults(self, d: Any) -> None:  # noqa: ANN401
        """Only what is not there yet."""
        given = {plain_key(key): value for key, value in config_of(d).items()}
        self._items.set({k: v for k, v in given.items() if k not in self._items.values})

    def setdefault(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """The value, which is the default if there was none."""
        self.setdefaults({key: default})
        return self[plain_key(key)]

    def update_locked(
        self,
        d: Mapping[str, Any],
        user: str | None = None,
        _allow_val_change: bool | None = None,
    ) -> None:
        """Set members that nobody but their user changes from now on."""
        self._items.set(d, allow=_allow_val_change)
        self._items.lock(d, user or "nobody")

    def merge_locked(
        self,
        d: Mapping[str, Any],
        user: str | None = None,
        _allow_val_change: bool | None = None,
    ) -> None:
        """As `update_locked`, but members that are dicts keep what else they have."""
        there = {key: self._items.values.get(plain_key(key)) for key in d}
        merged = {
            key: {**before, **value}
            if isinstance(value, dict) and isinstance(before := there[key], dict)
            else value
            for key, value in d.items()
        }
        self.update_locked(merged, user, _allow_val_change)

    def persist(self) -> None:
        """Have all of it recorded anew, for instance after a nested dict was changed in place."""
        self._items.set_anew()


def showing(items: ConfigItems) -> Config:
    """What a run has. Not an argument of the class, which takes none in W&B."""
    config = Config()
    vars(config)["_items"] = items
    return config


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
