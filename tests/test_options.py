"""Options: each of W&B's settings is taken, checked, and has the default that it has there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifacts.errors import InvalidSettingError
from artifacts.options import OPTIONS, SECRETS, option_of
from artifacts.settings import Settings

FIELDS = json.loads((Path(__file__).parent / "runs" / "reference.json").read_text())["classes"][
    "Settings"
]["fields"]
ADDED = {"alert_email", "alert_smtp", "alert_webhook"}  # by us
OURS = {"entity", "project", "quiet"}  # settings of ours, with defaults of ours
HERE = {"root_dir", "credentials_file", "settings_system", "x_stats_disk_paths", "x_stats_pid"}
"""Whose default is found on the machine."""
VALUES: dict[type, tuple[Any, str, Any]] = {  # as it is, as text, and what it never is
    bool: (True, "true", "perhaps"),
    int: (7, "7", "many"),
    float: (7.5, "7.5", "long"),
    tuple: (("1", "2"), "1, 2", 3),
    dict: ({"a": "b"}, '{"a": "b"}', "{"),
    str: ("text", "text", 3),
}


def value_of(name: str) -> tuple[Any, str, Any]:
    choices = OPTIONS[name].choices
    return (choices[-1], choices[-1], "none of them") if choices else VALUES[OPTIONS[name].kind]


def test_settings_are_all_of_theirs() -> None:
    assert OPTIONS.keys() - ADDED | OURS == FIELDS.keys()


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - ADDED))
def test_default_is_theirs(name: str) -> None:
    default = getattr(Settings.load(), name)

    if name in HERE:
        assert default is None
    elif name == "symlink":
        assert default is True
    else:
        assert repr(default) == FIELDS[name]


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_setting_is_taken_from_everywhere(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    value, text, _ = value_of(name)

    assert getattr(Settings(**{name: value}), name) == value
    settings = Settings()
    setattr(settings, name, text)
    assert getattr(settings, name) == value
    (tmp_path / "art.toml").write_text(f"{name} = {json.dumps(text)}")
    assert getattr(Settings.load(), name) == value
    (tmp_path / "art.toml").unlink()
    for prefix in ("WANDB", "ART"):
        monkeypatch.setenv(f"{prefix}_{name.upper()}".replace("_X_", "__"), text)
        assert getattr(Settings.load(), name) == value
        monkeypatch.delenv(f"{prefix}_{name.upper()}".replace("_X_", "__"))


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_what_it_never_is_is_refused_and_secrets_are_not_shown(name: str) -> None:
    *_, bad = value_of(name)

    with pytest.raises(InvalidSettingError, match=name) as caught:
        Settings(**{name: bad})
    if name in SECRETS:
        assert str(bad) not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("WANDB_DIR", "root_dir"),
        ("WANDB_NAME", "run_name"),
        ("WANDB_TAGS", "run_tags"),
        ("WANDB_RUN_ID", "run_id"),
        ("WANDB__DISABLE_STATS", "x_disable_stats"),
        ("WANDB_X_DISABLE_STATS", "x_disable_stats"),
        ("ART_MODE", "mode"),
        ("ART_STORE", None),
        ("WANDB_NO_SUCH", None),
        ("OTHER_MODE", None),
    ],
)
def test_variable_sets(variable: str, name: str | None) -> None:
    assert option_of(variable) == name


def test_ours_is_stronger_than_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ART_MODE", "offline")
    monkeypatch.setenv("WANDB_MODE", "disabled")

    assert Settings.load().mode == "offline"
    assert Settings(mode="online").mode == "online"


@pytest.mark.parametrize(
    ("value", "resume"),
    [(True, "auto"), (False, None), ("true", "auto"), ("0", None), ("must", "must"), (None, None)],
)
def test_resume_may_be_true(value: object, resume: str | None) -> None:
    assert Settings(resume=value).resume == resume


def test_settings_that_began_with_a_line_once_are_taken() -> None:
    settings = Settings(_disable_stats=True, start_method="thread", silent=True)
    assert (settings.x_disable_stats, settings.start_method) == (True, "thread")
    settings.update_from_dict({"_service_wait": 300})
    assert settings.x_service_wait == 300
    with pytest.raises(ValueError, match="_no_such = '1': no such setting"):
        Settings(_no_such=1)


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="no such setting"):
        Settings(no_such=1)
    with pytest.raises(InvalidSettingError, match="no such setting"):
        Settings().no_such = 1
    with pytest.raises(AttributeError):
        _ = Settings().no_such


def test_setting_of_ours_is_set_and_checked() -> None:
    settings = Settings()
    settings.project = "p"
    with pytest.raises(InvalidSettingError):
        settings.project = "a/b"

    assert settings.project == "p"


def test_settings_are_taken_over_from_elsewhere() -> None:
    settings = Settings()
    settings.update_from_dict({"mode": "offline", "project": "p"})
    settings.update_from_settings(Settings(run_id="i"))
    settings.update_from_env_vars({"WANDB_TAGS": "a,b", "OTHER": "1"})

    assert (settings.mode, settings.project, settings.run_id) == ("offline", "p", "i")
    assert settings.run_tags == ("a", "b")
