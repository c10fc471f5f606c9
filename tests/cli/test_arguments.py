"""A folder is meant only where it is written like one, and doubt is an error."""

from pathlib import Path

import pytest

from artifacts.cli.arguments import as_folder, check_is_no_folder, parse_target
from artifacts.errors import InvalidNameError, UsageError
from artifacts.names import ArtifactName
from artifacts.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "artifacts" / "mnist:v0").mkdir(parents=True)
    (tmp_path / "my data").mkdir()
    monkeypatch.chdir(tmp_path / "artifacts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Settings.load(store="store", entity="me", project="proj")


@pytest.mark.parametrize("text", ["./artifacts/mnist:v0", "../", "/", "~/artifacts", ".", ".."])
def test_folder_is_written_with_a_dot_a_tilde_or_a_slash(settings: Settings, text: str) -> None:
    target = parse_target(text, settings)

    assert isinstance(target, Path)
    assert target.is_dir()


@pytest.mark.parametrize(
    ("text", "qualified"),
    [("mnist", "me/proj/mnist:latest"), ("p/x:v3", "me/p/x:v3"), ("e/p/x:best", "e/p/x:best")],
)
def test_anything_else_is_a_name(settings: Settings, text: str, qualified: str) -> None:
    target = parse_target(text, settings)

    assert isinstance(target, ArtifactName)
    assert target.qualified == qualified


def test_name_that_is_a_folder_too_is_refused_with_both_spellings(settings: Settings) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target("artifacts/mnist:v0", settings)

    assert "./artifacts/mnist:v0" in str(caught.value)
    assert "me/artifacts/mnist:v0" in str(caught.value)


def test_full_name_that_is_a_folder_too_is_spelled_with_options(settings: Settings) -> None:
    Path("me/artifacts/mnist:v0").mkdir(parents=True)

    with pytest.raises(UsageError, match="--entity me --project artifacts mnist:v0 for the"):
        parse_target("me/artifacts/mnist:v0", settings)


def test_folder_that_is_no_name_is_refused_with_its_spelling(settings: Settings) -> None:
    with pytest.raises(UsageError, match=r"write \./my data for the folder"):
        parse_target("my data", settings)


def test_folder_that_is_not_there_is_refused(settings: Settings) -> None:
    with pytest.raises(UsageError, match=r"no folder at \./nosuch"):
        parse_target("./nosuch", settings)


def test_what_is_neither_name_nor_folder_is_refused_as_a_name(settings: Settings) -> None:
    with pytest.raises(InvalidNameError):
        parse_target("a b", settings)


def test_folder_is_refused_where_only_a_name_will_do() -> None:
    with pytest.raises(UsageError, match="is a folder, expected a name"):
        check_is_no_folder("./artifacts/mnist:v0")


def test_folder_is_shown_as_it_has_to_be_written(settings: Settings) -> None:
    inside = settings.artifact_dir / "mnist:v0"

    assert [as_folder(inside), as_folder(Path("/"))] == ["./artifacts/mnist:v0", "/"]
