"""Documents: what the README tells a newcomer to type is typed here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.settings import Settings
from artifacts.storage import Address, place_at

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with some data in it, and nothing else around."""
    data = tmp_path / "tour" / "data"
    (data / "images").mkdir(parents=True)
    (data / "labels.csv").write_text("id,label\n1,one\n")
    (data / "images" / "1.png").write_bytes(bytes(range(256)))
    monkeypatch.chdir(data.parent)
    return data.parent


def type_command(line: str) -> None:
    command = line.partition("#")[0].split()
    assert command[0] == "art", line
    result = subprocess.run(
        [sys.executable, "-m", "artifacts.cli.main", *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert result.returncode in (0, command[1] == "diff"), f"{line}\n{result.stdout}{result.stderr}"


def test_the_tour_runs_from_top_to_bottom(tour: Path) -> None:
    names: dict[str, object] = {"Path": Path}
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, "README.md", "exec"), names)
        elif language == "sh" and not text.startswith("make "):
            for line in text.splitlines():
                type_command(line)

    assert (tour / "copy" / "labels.csv").read_text() == "id,label\n1,one\n"


def test_the_settings_of_a_bucket_lead_to_it(tour: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [text] = [text for language, text in BLOCKS if language == "toml"]
    monkeypatch.delenv("ART_STORE")
    monkeypatch.delenv("ART_STORAGE_OPTIONS", raising=False)
    (tour / "art.toml").write_text(text)

    settings = Settings.load()

    place = place_at(Address(settings.store, settings.storage_options))
    assert place.url == "s3://datasets/team"
    assert settings.sources["storage_options"] == str(tour / "art.toml")


def test_the_demo_runs(tmp_path: Path) -> None:
    checkout = Path(__file__).parent.parent
    result = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )

    assert result.returncode == 0, result.stderr
    assert "changed: json/decoder.py" in result.stdout
    assert not list(tmp_path.iterdir()), "the demo left something behind"


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench", "docs"])
def test_every_target_of_the_makefile_is_there(target: str) -> None:
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_no_document_knows_this_machine() -> None:
    checkout = Path(__file__).parent.parent
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=checkout, capture_output=True, text=True, check=False
    ).stdout.split()
    here = str(checkout)
    guilty = [
        name
        for name in tracked
        if name.endswith((".md", ".py", ".toml")) and here in (checkout / name).read_text()
    ]
    assert not guilty
