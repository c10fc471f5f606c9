"""Captured: real programs, run with everything that is recorded of them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FRAME = """
import json, os, sys, time
from pathlib import Path
from artifacts.runs.capture import start_capture
from artifacts.settings import Settings
from runs.capture.recorder import Remembering

writer = Remembering()
settings = Settings(store=os.path.abspath("store"), **json.loads({settings!r}))
capture = start_capture(settings, writer, Path("run/files"))

def stop(**given):
    capture.stop(**given)
    files = {{name: [str(path), policy] for name, (path, policy) in writer.files.items()}}
    said = {{"lines": writer.lines, "notes": writer.notes, "files": files}}
    Path("said.json").write_text(json.dumps(said))

"""


@dataclass(frozen=True, slots=True)
class Captured:
    shown: str  # on standard output
    errors: str
    exit_code: int
    lines: list[tuple[str, dict[str, Any]]]
    notes: list[tuple[str, dict[str, Any]]]
    files: dict[str, tuple[str, str]]

    def of(self, stream: str) -> list[dict[str, Any]]:
        return [values for name, values in self.lines if name == stream]

    @property
    def metadata(self) -> dict[str, Any]:
        [metadata] = [facts["metadata"] for kind, facts in self.notes if "metadata" in facts]
        assert isinstance(metadata, dict)
        return metadata


def captured(program: str, *arguments: str, folder: str = ".", **settings: object) -> Captured:
    """The program calls `stop()` where its run is over, and has `writer` and `capture`."""
    place = Path(folder)
    script = place / "train.py"
    script.write_text(_FRAME.format(settings=json.dumps(settings)) + textwrap.dedent(program))
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "train.py", *arguments],
        cwd=place,
        env={"PYTHONPATH": f"{tests.parent}:{tests}", "PATH": "/usr/bin:/bin", "HOME": str(place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    path = place / "said.json"
    said = (
        json.loads(path.read_text()) if path.exists() else {"lines": [], "notes": [], "files": {}}
    )
    return Captured(done.stdout, done.stderr, done.returncode, **said)
