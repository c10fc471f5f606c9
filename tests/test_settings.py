"""Settings: the stronger source wins, and whatever is refused says where it was read."""

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from artifacts.errors import InvalidSettingError
from artifacts.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, two folders deep, and no variable of ours or W&B's."""
    for variable in os.environ:
        if variable.startswith(("ART_", "WANDB_")):
            monkeypatch.delenv(variable)
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


Source = Callable[[Path, pytest.MonkeyPatch, str], dict[str, Any]]


def by_argument(folder: Path, patch: pytest.MonkeyPatch, value: str) -> dict[str, Any]:
    return {"project": value}


def by_own_variable(folder: Path, patch: pytest.MonkeyPatch, value: str) -> dict[str, Any]:
    patch.setenv("ART_PROJECT", value)
    return {}


def by_wandb_variable(folder: Path, patch: pytest.MonkeyPatch, value: str) -> dict[str, Any]:
    patch.setenv("WANDB_PROJECT", value)
    return {}


def by_art_toml(folder: Path, patch: pytest.MonkeyPatch, value: str) -> dict[str, Any]:
    (folder / "art.toml").write_text(f'project = "{value}"')
    return {}


def by_pyproject(folder: Path, patch: pytest.MonkeyPatch, value: str) -> dict[str, Any]:
    (folder / "pyproject.toml").write_text(f'[tool.art]\nproject = "{value}"')
    return {}


def by_art_toml_above(folder: Path, patch: pytest.MonkeyPatch, value: str) -> dict[str, Any]:
    return by_art_toml(folder.parent, patch, value)


def by_git_root(folder: Path, patch: pytest.MonkeyPatch, value: str) -> dict[str, Any]:
    (folder / value / ".git").mkdir(parents=True)
    patch.chdir(folder / value)
    return {}


STRONGEST_FIRST: list[Source] = [
    by_argument,
    by_own_variable,
    by_wandb_variable,
    by_art_toml,
    by_pyproject,
    by_art_toml_above,
    by_git_root,
]


@pytest.mark.parametrize("strongest", range(len(STRONGEST_FIRST)))
def test_strongest_source_wins(strongest: int, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides: dict[str, Any] = {}
    for source in STRONGEST_FIRST[strongest:]:
        overrides |= source(home, monkeypatch, source.__name__)

    assert Settings.load(**overrides).project == STRONGEST_FIRST[strongest].__name__


def test_defaults_are_one_store_per_user(home: Path) -> None:
    assert Settings.load() == Settings(
        store=str(platformdirs.user_data_path("artifacts", appauthor=False) / "store"),
        entity="default",
        project="uncategorized",
        cache_dir=platformdirs.user_cache_path("artifacts", appauthor=False),
        artifact_dir=home / "artifacts",
        quiet=False,
    )


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("WANDB_ENTITY", "entity"),
        ("WANDB_PROJECT", "project"),
        ("WANDB_CACHE_DIR", "cache_dir"),
        ("WANDB_ARTIFACT_DIR", "artifact_dir"),
        ("WANDB_QUIET", "quiet"),
        ("WANDB_SILENT", "quiet"),
        ("ART_STORE", "store"),
        ("ART_ENTITY", "entity"),
        ("ART_PROJECT", "project"),
        ("ART_CACHE_DIR", "cache_dir"),
        ("ART_CACHE_SIZE", "cache_size"),
        ("ART_ARTIFACT_DIR", "artifact_dir"),
        ("ART_QUIET", "quiet"),
        ("ART_OFFLINE", "offline"),
    ],
)
def test_variable_sets(variable: str, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")

    settings = Settings.load()

    assert settings.sources[setting] == f"environment {variable}"
    assert str(getattr(settings, setting)).endswith(("1", "True"))


def test_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ART_ENTITY", "")
    monkeypatch.setenv("WANDB_ENTITY", "team")
    assert Settings.load().entity == "team"


def test_none_is_no_argument() -> None:
    assert Settings.load(entity=None, quiet=None) == Settings.load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", True), ("true", True), ("Yes", True), ("ON", True), ("0", False), ("off", False)],
)
def test_flag_is_read(text: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - pytest's parameter
    monkeypatch.setenv("ART_QUIET", text)
    assert Settings.load().quiet is expected


def test_false_argument_beats_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ART_QUIET", "true")
    assert Settings.load(quiet=False).quiet is False


def test_nearer_file_wins_whatever_its_name(home: Path) -> None:
    (home.parent / "art.toml").write_text('project = "far"')
    (home / "pyproject.toml").write_text('[tool.art]\nproject = "near"')
    assert Settings.load().project == "near"


def test_two_files_never_mix(home: Path) -> None:
    (home.parent / "art.toml").write_text('entity = "far"')
    (home / "art.toml").write_text('project = "near"')
    assert Settings.load().entity == "default"


def test_pyproject_of_others_is_passed_by(home: Path) -> None:
    (home.parent / "art.toml").write_text('project = "far"')
    (home / "pyproject.toml").write_text('[tool.other]\nproject = "near"')
    assert Settings.load().project == "far"


def test_paths_in_a_file_start_at_the_file(home: Path) -> None:
    (home.parent / "art.toml").write_text('store = "../store"\ncache_dir = "cache"')

    settings = Settings.load()

    assert settings.store == str(home.parent.parent / "store")
    assert settings.cache_dir == home.parent / "cache"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("store", "{here}/store"),
        ("./a/../store/", "{here}/store"),
        ("/data/store", "/data/store"),
        ("~/store", "{home}/store"),
        ("s3://bucket/store", "s3://bucket/store"),
        ("file:///data/store", "file:///data/store"),
    ],
)
def test_store_is_a_url_or_an_absolute_path(
    text: str, expected: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert Settings.load(store=text).store == expected.format(here=home, home="/home/me")


def test_project_is_the_git_root_folder_made_valid(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = home / "50% of: it"
    (root / "src").mkdir(parents=True)
    (root / ".git").write_text("gitdir: elsewhere")  # a worktree has a file
    monkeypatch.chdir(root / "src")

    settings = Settings.load()

    assert settings.project == "50- of- it"
    assert settings.sources["project"] == f"git root {root}"


def test_git_root_without_a_usable_name_is_no_project(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "  " / ".git").mkdir(parents=True)
    monkeypatch.chdir(home / "  ")
    assert Settings.load().project == "uncategorized"


def test_sources_say_where_each_setting_was_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "art.toml").write_text("quiet = true")
    monkeypatch.setenv("ART_STORE", "s3://bucket")

    assert Settings.load(entity="team").sources == {
        "store": "environment ART_STORE",
        "entity": "argument",
        "project": "default",
        "cache_dir": "default",
        "cache_size": "default",
        "artifact_dir": "default",
        "quiet": str(home / "art.toml"),
        "single_writer": "default",
        "offline": "default",
        "storage_options": "default",
        "reference_options": "default",
    }


def test_sources_make_no_difference() -> None:
    assert Settings.load(entity="default") == Settings.load()
    assert len({Settings.load(entity="default"), Settings.load()}) == 1


def test_settings_reach_another_process() -> None:
    settings = Settings.load()
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("ART_ENTITY", "a/b", "an entity must not contain '/'"),
        ("WANDB_PROJECT", "a#b", "a project must not contain '#'"),
        ("ART_PROJECT", "p" * 129, "at most 128"),
        ("ART_QUIET", "maybe", "expected true or false"),
        ("ART_STORE", "~nobody-of-that-name/store", "no such home folder"),
        ("ART_STORE", "sftp://me:secret@host/store", "give the password elsewhere"),
        ("ART_STORE", "s3:/bucket/store", "write s3://… for a URL, ./s3:/… for a folder"),
        ("ART_CACHE_DIR", "file:/cache", "write file:///… for a URL"),
    ],
)
def test_refusal_names_the_variable(
    variable: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidSettingError, match=reason) as caught:
        Settings.load()

    assert f"environment {variable}" in caught.value.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("entity = 3", "expected text"),
        ('entity = ""', "must not be empty"),
        ("store = 3", "expected a path"),
        ('cache_dir = ""', "expected a path"),
        ("quiet = 2", "expected true or false"),
        ('cache_size = "much"', "expected a size"),
        ("cache_size = -1", "expected a size"),
        ('colour = "red"', "no such setting"),
        ('sources = "mine"', "no such setting"),
        ("[tool.art]", "no such setting"),
    ],
)
def test_refusal_names_the_file(line: str, reason: str, home: Path) -> None:
    (home / "art.toml").write_text(line)

    with pytest.raises(InvalidSettingError, match=reason) as caught:
        Settings.load()

    assert str(home / "art.toml") in caught.value.reason


@pytest.mark.parametrize("content", [b"entity = ", b"entity = '\xff'", b"[tool]\nart = 3"])
def test_broken_file_is_refused(content: bytes, home: Path) -> None:
    (home / "pyproject.toml").write_bytes(content)

    with pytest.raises(InvalidSettingError) as caught:
        Settings.load()

    assert caught.value.value == str(home / "pyproject.toml")


def test_unknown_argument_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="colour"):
        Settings.load(colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize("slashes", ["//", "/"])
def test_password_in_a_url_is_not_repeated(slashes: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        Settings.load(store=f"sftp:{slashes}me:sec@ret@host/store")

    assert caught.value.value == f"sftp:{slashes}***@host/store"
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [{"store": "store"}, {"cache_dir": Path("cache")}, {"artifact_dir": Path("artifacts")}],
)
def test_relative_path_is_refused_below_the_door(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettingError, match="absolute path"):
        replace(Settings.load(), **change)
