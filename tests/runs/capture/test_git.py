import subprocess
from pathlib import Path

import pytest

from artifacts.runs.capture.git import find_repository


def git(*words: str) -> str:
    named = ("-c", "user.name=n", "-c", "user.email=e@x.org")
    done = subprocess.run(["git", *named, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git("init", "-q", "-b", "work", ".")
    Path("train.py").write_text("lr = 1\n")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path


def test_commit_branch_and_remote_are_told(repository: Path) -> None:
    git("remote", "add", "origin", "https://me:secret@x.org/a.git")
    (repository / "below").mkdir()

    found = find_repository(repository / "below")

    assert found is not None
    assert found.root == repository
    assert found.commit == git("rev-parse", "HEAD")
    assert found.branch == "work"
    assert found.remote == "https://x.org/a.git"
    assert found.diff() == b""


def test_diff_makes_the_working_tree_of_the_commit(repository: Path) -> None:
    Path("train.py").write_text("lr = 2\n")
    Path("staged.bin").write_bytes(bytes(range(256)))
    git("add", "staged.bin")
    found = find_repository(repository)
    assert found is not None
    diff = found.diff()

    git("reset", "-q", "--hard")
    subprocess.run(["git", "apply", "-"], input=diff, check=True)

    assert Path("train.py").read_text() == "lr = 2\n"
    assert Path("staged.bin").read_bytes() == bytes(range(256))


def test_programs_that_a_repository_names_are_not_run(repository: Path) -> None:
    program = repository.parent / "evil"
    program.write_text("#!/bin/sh\ntouch ran\n")
    program.chmod(0o755)
    for setting in ("core.fsmonitor", "diff.external", "diff.x.textconv", "core.pager"):
        git("config", setting, str(program))
    Path(".gitattributes").write_text("*.py diff=x\n")
    Path("train.py").write_text("lr = 2\n")

    found = find_repository(repository)

    assert found is not None
    assert b"+lr = 2" in found.diff()
    assert not Path("ran").exists()


def test_without_a_commit_there_is_a_repository_all_the_same(tmp_path: Path) -> None:
    git("init", "-q", ".")
    found = find_repository(tmp_path)
    assert found is not None
    assert (found.commit, found.remote, found.diff()) == (None, None, b"")


def test_elsewhere_there_is_none(tmp_path: Path) -> None:
    assert find_repository(tmp_path) is None


def test_without_git_there_is_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert find_repository(repository) is None


def test_git_that_takes_too_long_is_given_up(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = repository / "git"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(repository))
    monkeypatch.setattr("artifacts.runs.capture.git._LIMIT_S", 0.1)

    assert find_repository(repository) is None
