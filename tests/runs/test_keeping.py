"""Keeping: what a run keeps beside rows is in its store when it is over, and comes back."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from socket import AF_UNIX, socket
from stat import S_ISFIFO
from typing import Literal

import pytest
from forks import done_by_fork

import artifacts
from artifacts import AlertLevel, Api, Settings, UsageError, init
from artifacts.catalog import Session
from artifacts.errors import DigestMismatchError, InvalidError
from artifacts.runs import find_run
from runs.read_back import state_of, writer_of

pytestmark = pytest.mark.usefixtures("store")


def test_alert_reaches_the_runs_log() -> None:
    with init() as run:
        run.alert("one", "text", AlertLevel.WARN)
        artifacts.alert("two", "text", level="ERROR", wait_duration=5)
        artifacts.alert("two", "held back")
        run.alert("three", "text", AlertLevel.INFO)
        assert AlertLevel("ERROR") is AlertLevel.ERROR

    said = [(alert["title"], alert["level"]) for alert in state_of(run).alerts]
    assert said == [("one", "WARN"), ("two", "ERROR"), ("three", "INFO")]


def test_saved_file_is_restored(tmp_path: Path) -> None:
    Path("model.pt").write_bytes(b"weights")
    os.makedirs("sub")
    Path("sub", "a.txt").write_text("alpha")
    with init(id="saving") as run:
        assert run.save("model.pt") == [str(Path(run.dir, "model.pt"))]
        assert artifacts.save("sub/*.txt", policy="now") == [str(Path(run.dir, "sub/a.txt"))]

    Path("model.pt").unlink()
    assert set(state_of(run).files) >= {"model.pt", "sub/a.txt"}
    with init() as other:
        with other.restore("sub/a.txt", run_path=run.path) as file:  # type: ignore[union-attr]
            assert file.read() == "alpha"
        found = artifacts.restore("model.pt", run.path, root=str(tmp_path / "there"))
        assert found is not None
        found.close()
        assert other.restore("absent", run_path=run.path) is None
    assert (tmp_path / "there" / "model.pt").read_bytes() == b"weights"


def test_code_is_logged_as_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("pass")
    (tmp_path / "code" / "data.bin").write_bytes(b"0")
    with init() as run:
        made = run.log_code(str(tmp_path / "code"), name="source")

    assert made is not None
    assert (made.type, [file.name for file in Api().artifact("source").files()]) == (
        "code",
        ["train.py"],
    )


@pytest.mark.parametrize("name", ["alert", "save"])
def test_without_a_run_they_say_so(name: str) -> None:
    arguments = {"alert": ["title", "text"], "save": ["x"]}[name]
    with pytest.raises(UsageError, match=r"artifacts.init\(\)"):
        getattr(artifacts, name)(*arguments)


def test_status_tells_what_waits() -> None:
    with init() as run:
        assert run.status().sync_items_pending == 0

        run.log({"loss": 1.0})
        assert run.status().sync_items_pending > 0

        writer_of(run).flush()
        status = run.status()
        assert status.sync_items_total > 0
        assert status.sync_time is not None


def test_file_that_was_saved_now_stays_as_it_was_then() -> None:
    Path("model.pt").write_bytes(b"first")
    with init() as run:
        run.save("model.pt", policy="now")
        writer_of(run).flush()
        Path("model.pt").write_bytes(b"second")

    with init() as other:
        found = other.restore("model.pt", run_path=run.path)
        assert found is not None
        with found:
            assert found.read() == "first"


@pytest.mark.parametrize("policy", ["live", "end"])
def test_file_that_changes_is_stored_as_it_is_in_the_end(policy: Literal["live", "end"]) -> None:
    Path("model.pt").write_bytes(b"first")
    with init(settings={"ignore_globs": ["*.tmp"]}) as run:
        Path("model.tmp").touch()
        run.save("model.*", policy=policy)
        writer_of(run).flush()
        Path("model.pt").write_bytes(b"the second")

    assert state_of(run).files["model.pt"].size == len(b"the second")
    assert "model.tmp" not in state_of(run).files


def test_what_is_no_file_of_the_runs_folder_is_told_and_ends_no_run_late(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def act() -> None:
        signal.alarm(300)  # or it would hang with what it is to find
        with init(id="odd") as run:
            run.log({"a": 1})
            os.chdir(run.dir)  # a socket's path is to be short
            os.mkfifo("pipe")
            socket(AF_UNIX).bind("socket")
            os.symlink("/dev/zero", "endless")
            Path("file").write_text("text")
        told = [place for place in ("pipe", "socket", "endless") if f"/{place} " in caplog.text]
        assert told == ["pipe", "socket", "endless"]

    assert done_by_fork(act) == 0

    state = find_run(Session(Settings.load()), "odd").state
    assert state.told_state == "finished"
    assert {"file", "pipe", "socket", "endless"} & {*state.files} == {"file"}


def test_another_policy_is_refused() -> None:
    with init() as run, pytest.raises(ValueError, match="live, now or end"):
        run.save("x", policy="later")  # type: ignore[arg-type]


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """Where a run is that saved a.txt; into `back` it is to be restored."""
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "back").mkdir()
    with init() as run:
        run.save("a.txt", base_path=".")
    return run.path


def test_what_is_no_file_is_not_restored_over(kept: str) -> None:
    os.mkfifo("back/a.txt")

    with pytest.raises(InvalidError, match="is no file"):
        artifacts.restore("a.txt", kept, replace=True, root="back")

    assert Path("back/a.txt").is_fifo()


def test_what_is_no_file_is_opened_as_it_is(kept: str) -> None:
    os.mkfifo("back/a.txt")
    writer = os.open("back/a.txt", os.O_RDWR)  # or who reads it would wait for one

    found = artifacts.restore("a.txt", kept, root="back")

    assert found is not None
    with found:
        assert S_ISFIFO(os.fstat(found.fileno()).st_mode)
    os.close(writer)


@pytest.mark.parametrize("target", [os.devnull, ".", "nowhere"])
def test_of_a_link_only_the_link_is_restored_over(kept: str, target: str) -> None:
    Path("back/a.txt").symlink_to(target)

    found = artifacts.restore("a.txt", kept, replace=True, root="back")

    assert found is not None
    with found:
        assert found.read() == "alpha"
    assert not Path("back/a.txt").is_symlink()
    assert Path(os.devnull).is_char_device()


def test_restore_without_a_run_wants_to_know_of_which() -> None:
    with pytest.raises(ValueError, match="run_path"):
        artifacts.restore("x")


@pytest.mark.local
def test_damaged_file_does_not_come_back(tmp_path: Path) -> None:
    Path("model.pt").write_bytes(b"weights" * 1000)
    with init() as run:
        run.save("model.pt")
    blob = state_of(run).files["model.pt"].blob
    [stored] = (tmp_path / "store").rglob(Path(blob.key).name)
    stored.chmod(0o644)
    stored.write_bytes(b"damaged" * 1000)

    with pytest.raises(DigestMismatchError):
        artifacts.restore("model.pt", run.path, root="back")

    assert not Path("back/model.pt").exists()


def test_disabled_run_keeps_nothing() -> None:
    Path("model.pt").touch()
    with init(mode="disabled") as run:
        run.alert("title", "text")
        assert not run.save("model.pt")
        assert run.restore("model.pt") is None
        assert run.log_code() is None
    assert not Path("wandb").exists()


def test_what_is_printed_from_init_on_is_recorded() -> None:
    with init() as run:
        sys.stdout.write("before the first row\n")
        run.log({"loss": 1.0})
        sys.stdout.write("after\n")

    assert "output.log" in state_of(run).files
    assert state_of(run).segments["console"][0].rows == 2
    assert state_of(run).facts["metadata"]["args"] is not None
