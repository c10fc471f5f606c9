"""Config: what a run was made with, changed only by who says so."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from artifacts.errors import ConfigError, InvalidError, UsageError
from artifacts.runs.config import Config, ConfigStatic, showing
from artifacts.runs.config_items import ConfigItems
from artifacts.runs.given import config_of


@dataclass(slots=True)
class Slotted:
    lr: float = 0.1


class Flags:
    """As absl's."""

    def flag_values_dict(self) -> dict[str, Any]:
        return {"lr": 0.1}


class Keyed:
    """Has keys and brackets, and is no Mapping."""

    def keys(self) -> Iterator[str]:
        yield "lr"

    def __getitem__(self, key: str) -> float:
        return 0.1


def model() -> object:
    return create_model("Model", lr=(float, 0.1))()


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"lr": 0.1},
        lambda: argparse.Namespace(lr=0.1),
        Slotted,
        Flags,
        Keyed,
        model,
    ],
)
def test_configuration_is_whatever_has_members(make: Any) -> None:  # noqa: ANN401
    assert config_of(make()) == {"lr": 0.1}


@pytest.mark.parametrize(
    "text",
    [
        "lr: 0.1",
        "wandb_version: 1\nlr:\n  desc: rate\n  value: 0.1\n_wandb:\n  value: {}",
        '{"lr": 0.1}',
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_configuration_is_read_from_a_file(text: str, kind: type, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)

    assert config_of(kind(path)) == {"lr": 0.1}


@pytest.mark.parametrize("text", ["[1]", "a: [", "!!python/object:os.system {}"])
def test_file_that_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)

    with pytest.raises(InvalidError, match=r"config\.yaml"):
        config_of(path)
    with pytest.raises(InvalidError, match="cannot be read"):
        config_of(tmp_path / "absent.yaml")


def test_keys_are_included_or_excluded() -> None:
    given = {"a": 1, "b": 2, "c": 3}

    assert config_of(given, include=["a", "z"]) == {"a": 1}
    assert config_of(given, exclude=["a"]) == {"b": 2, "c": 3}
    with pytest.raises(UsageError, match="only one"):
        config_of(given, exclude=["a"], include=["b"])


def test_members_are_items_and_attributes() -> None:
    config = Config()
    config["a"] = 1
    config.b = 2
    config.update({"c": (1, 2), "--d-": {"e": 1}})
    config.setdefaults({"a": 9, "f": 6})

    assert (config.a, config["b"], config.get("c"), config.get("z", 5)) == (1, 2, [1, 2], 5)
    assert (config.setdefault("f", 7), config.setdefault("g", 7)) == (6, 7)
    assert config.keys() == list(config) == ["a", "b", "c", "d", "f", "g"]
    assert dict(config) == config.as_dict() == dict(config.items()) == config
    assert "d" in config
    assert "z" not in config
    assert "_items" in config.__dict__  # transformers looks for it
    assert not hasattr(config, "z")
    with pytest.raises(KeyError):
        config["z"]


def test_value_is_changed_only_on_request() -> None:
    config = Config()
    config.update({"a": 1, "b": 1})
    config.update({"a": 1})
    changes: list[Callable[[], None]] = [
        lambda: config.update({"new": 1, "a": 2}),
        lambda: config.__setitem__("a", 2),
        lambda: setattr(config, "a", 2),
    ]
    for change in changes:
        with pytest.raises(ConfigError, match="Attempted to change value of key 'a' from 1 to 2"):
            change()
    assert dict(config) == {"a": 1, "b": 1}

    config.update({"a": 2}, allow_val_change=True)
    assert config.a == 2


def test_run_may_allow_all_changes() -> None:
    config = showing(ConfigItems(may_change=True))
    config.a = 1
    config.a = 2
    assert config.a == 2
    with pytest.raises(ConfigError):
        config.update({"a": 3}, allow_val_change=False)


def test_locked_value_stays_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    config = Config()
    config.update_locked({"a": 1, "n": {"x": 1}}, user="sweep")
    with caplog.at_level(logging.WARNING):
        config.a = 2
        config.update({"a": 3, "b": 1}, allow_val_change=True)
    config.merge_locked({"n": {"y": 2}}, user="sweep", _allow_val_change=True)

    assert dict(config) == {"a": 1, "n": {"x": 1, "y": 2}, "b": 1}
    assert "'a' was locked by sweep" in caplog.text


def test_what_is_set_is_told_and_persist_tells_all_of_it() -> None:
    told: list[Any] = []
    config = showing(ConfigItems(lambda members: told.append(json.loads(json.dumps(members)))))
    config.a = 1
    config.update({"b": {"c": 1}})
    config.b["c"] = 2
    config.persist()

    assert told == [{"a": 1}, {"b": {"c": 1}}, {"a": 1, "b": {"c": 2}}]


def test_copy_is_only_read() -> None:
    static = ConfigStatic({"a": 1})

    assert (static["a"], static.a, static.keys()) == (1, 1, ["a"])
    with pytest.raises(AttributeError, match="read only"):
        static["a"] = 2
    with pytest.raises(AttributeError, match="read only"):
        static.b = 2
