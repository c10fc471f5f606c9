import os
from pathlib import Path

import pytest

from artifacts.errors import InvalidPathError
from artifacts.runs.saved import files_of, match_files, place_of, show_in


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name in ("these/are/mine/x.txt", "these/are/mine/y.txt", "files/a/me", "files/b/me", "z"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(pattern: str | bytes | Path, base_path: str | Path | None = None) -> list[str]:
    return [each.name for each in match_files(pattern, base_path)]


@pytest.mark.parametrize(
    ("pattern", "base_path", "expected"),
    [
        ("these/are/mine/*", None, ["these/are/mine/x.txt", "these/are/mine/y.txt"]),
        ("these/are/mine/*", "these", ["are/mine/x.txt", "are/mine/y.txt"]),
        ("{here}/these/are/mine/*.txt", None, ["mine/x.txt", "mine/y.txt"]),
        ("{here}/these/are/mine/x.txt", "{here}", ["these/are/mine/x.txt"]),
        ("files/*/me", None, ["files/a/me", "files/b/me"]),
        ("files/*/me", "files/*", ["me", "me"]),
        ("z", "{here}", ["z"]),
        ("z", "{here}/..", ["{name}/z"]),
        ("../{name}/z", None, ["z"]),
        ("../{name}/z", "..", ["{name}/z"]),
        ("nothing/*", None, []),
        ("these/are", None, ["these/are"]),
        ("files/**", None, ["files", "files/a", "files/a/me", "files/b", "files/b/me"]),
        ("s3://bucket/key", None, []),
        ("gs://bucket/key", None, []),
        ("https://web/page", None, []),
    ],
)
def test_files_are_called_as_wandb_calls_them(
    tmp_path: Path, pattern: str, base_path: str | None, expected: list[str]
) -> None:
    def told(text: str) -> str:
        return text.format(here=tmp_path, name=tmp_path.name)

    found = names(told(pattern), told(base_path) if base_path else None)

    assert found == [told(each) for each in expected]


def test_path_may_be_bytes_or_a_path() -> None:
    assert names(b"z") == names(Path("z")) == ["z"]


@pytest.mark.parametrize(
    ("pattern", "base_path"),
    [("z", "files"), ("{here}/z", "files"), (".", None), ("", None), ("files", "files")],
)
def test_pattern_lies_below_the_base_path(
    tmp_path: Path, pattern: str, base_path: str | None
) -> None:
    with pytest.raises(ValueError, match="base path"):
        names(pattern.format(here=tmp_path), base_path)


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(TypeError):
        names(3)  # type: ignore[arg-type]


def test_folder_is_all_the_files_below_it() -> None:
    [folder] = match_files("files")
    assert [each.name for each in files_of(folder)] == ["files/a/me", "files/b/me"]


def test_saved_file_is_seen_as_a_link(tmp_path: Path) -> None:
    [file] = match_files("files/a/me")
    for _ in range(2):  # as often as one likes
        show_in(tmp_path / "run", file)

    shown = tmp_path / "run/files/a/me"
    assert shown.readlink() == tmp_path / "files/a/me"


def test_saved_file_is_copied_where_links_are_not_wanted(tmp_path: Path) -> None:
    [file] = match_files("z")
    show_in(tmp_path / "run", file, is_linked=False)

    assert not (tmp_path / "run/z").is_symlink()
    assert (tmp_path / "run/z").read_text() == "z"


def test_file_of_the_runs_own_folder_stays_what_it_is(tmp_path: Path) -> None:
    [file] = match_files("z")
    show_in(tmp_path, file)

    assert not (tmp_path / "z").is_symlink()


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "a/../../x"])
def test_nothing_comes_back_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidPathError):
        place_of(tmp_path / "run", name)

    assert place_of(Path("run"), "a/../b") == Path(os.path.abspath("run/b"))
