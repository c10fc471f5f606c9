import json
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.runs.capture import start_capture
from artifacts.runs.capture.capturing import Capture
from artifacts.runs.capture.piece import NEVER, Recorder
from artifacts.settings import Settings
from runs.capture.captured import captured
from runs.capture.recorder import Remembering


def test_run_that_is_over_at_once_is_described() -> None:
    done = captured("stop()", "--lr", "0.1", "--data", "https://me:pw@x.org/d")

    assert done.exit_code == 0
    assert done.metadata["program"] == "train.py"
    assert done.metadata["args"] == ["--lr", "0.1", "--data", "https://x.org/d"]
    assert done.metadata["codePath"] == "train.py"
    assert done.metadata["executable"] == sys.executable
    assert done.metadata["cpu_count_logical"] >= 1
    assert {"host", "os", "python", "startedAt", "root"} <= done.metadata.keys()
    assert json.loads(Path("run/files/wandb-metadata.json").read_text()) == done.metadata
    assert "pytest==" in Path("run/files/requirements.txt").read_text()
    assert {*done.files} == {"wandb-metadata.json", "requirements.txt"}


def test_commit_and_changes_are_kept() -> None:
    for command in ("init -q .", "add .", "-c user.name=n -c user.email=e commit -qm m"):
        Path("file").write_text("one\n")
        subprocess.run(["git", *command.split()], check=True)
    Path("file").write_text("two\n")

    done = captured("stop()")

    assert len(done.metadata["git"]["commit"]) == 40
    assert "+two" in Path("run/files/diff.patch").read_text()
    assert [*done.files["diff.patch"]] == ["run/files/diff.patch", "now"]

    without = captured("stop()", disable_git=True)

    assert "git" not in without.metadata
    assert "diff.patch" not in without.files


def test_environment_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "os.environ['MY_SECRET'] = 'hunter2'; print('x'); time.sleep(1.5); stop()"
    captured(program)

    said = Path("said.json").read_text() + Path("run/files/wandb-metadata.json").read_text()
    assert "hunter2" not in said
    assert "MY_SECRET" not in said


def test_code_is_saved_where_it_is_wanted() -> None:
    assert "code/train.py" not in captured("stop()").files

    done = captured("stop()", save_code=True)

    path, policy = done.files["code/train.py"]
    assert Path(path).name == "train.py"
    assert policy == "now"
    assert "code/train.py" not in captured("stop()", save_code=True, disable_code=True).files


def test_everything_can_be_switched_off() -> None:
    done = captured(
        'print("x"); time.sleep(1.2); stop()',
        console="off",
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )

    assert (done.lines, done.notes, done.files) == ([], [], {})


def test_machine_is_not_told_of_where_it_is_not_wanted() -> None:
    done = captured("stop()", x_disable_machine_info=True)
    assert not {"host", "cpu_count", "memory", "disk"} & done.metadata.keys()


def test_nothing_is_loaded_before_it_is_started(tmp_path: Path) -> None:
    program = (
        "import sys; import artifacts.runs.capture as c;"
        "print({'psutil', 'subprocess', 'pynvml', 'smtplib', 'email'} & {*sys.modules})"
    )
    bare = "import sys; from artifacts.artifact import Artifact; print({*sys.modules})"
    loaded = [
        eval(
            subprocess.run(
                [sys.executable, "-c", each], capture_output=True, text=True, check=True
            ).stdout
        )
        for each in (program, bare)
    ]
    assert loaded[0] - loaded[1] <= set()


class Broken:
    """A piece that fails at every turn."""

    def start(self, writer: Recorder) -> None:
        """All right."""

    def work(self) -> float:
        raise RuntimeError("work")

    def stop(self) -> None:
        raise RuntimeError("stop")


class Working(Broken):
    def __init__(self) -> None:
        self.is_stopped = False

    def work(self) -> float:
        return NEVER

    def stop(self) -> None:
        self.is_stopped = True


def test_piece_that_fails_disturbs_neither_run_nor_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    working = Working()
    capture = Capture([Broken(), working])
    capture.start(Remembering())
    capture.stop()

    assert working.is_stopped
    assert "missing" in caplog.text


def test_stopping_again_does_nothing(tmp_path: Path) -> None:
    written = Remembering()
    capture = start_capture(Settings(console="off"), written, tmp_path / "files")
    capture.stop()
    told = len(written.notes)
    capture.stop()

    assert len(written.notes) == told == 1
