"""How a run stands: one whose process on this machine is gone has crashed, at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from artifacts.cli.run import standing
from artifacts.storage import now
from cli.run.experiments import QUIET, begun, writer_of
from cli.shell import ROOT, Shell

KILLED = f"""
import os, sys, artifacts
from artifacts.runs.delivery.writer import Writer
run = artifacts.init(id="mine", settings={{**{QUIET!r}, "project": "proj"}})
run.log({{"x": 1}})
if "told" in sys.argv:
    run._diary.flush()
os._exit(9)
"""


def killed(art: Shell, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, *arguments]
    subprocess.run(command, check=False, cwd=art.folder, env=environment)


def listed(art: Shell) -> tuple[str, str | None]:
    [told] = art.ok("run", "ls", "--json").json
    return told["state"], told["waits_in"]


@pytest.mark.local  # elsewhere its beginning is told with what follows
@pytest.mark.parametrize("arguments", [(), ("told",)])
def test_a_run_whose_process_is_gone_has_crashed_at_once(
    art: Shell, arguments: tuple[str, ...]
) -> None:
    killed(art, *arguments)
    [folder] = (art.folder / "wandb").iterdir()

    assert listed(art) == ("crashed", str(folder))
    assert "`art sync` brings the rest" in art.ok("run", "ls").err
    shown: dict[str, Any] = art.ok("run", "show", "mine", "--json").json
    assert (shown["state"], shown["waits_in"]) == ("crashed", str(folder))
    lines = art.ok("run", "show", "mine").lines
    assert any(line.split()[:2] == ["waits", str(folder)] for line in lines)

    art.ok("sync")

    assert listed(art) == ("crashed", None)
    assert art.ok("run", "show", "mine", "--json").json["last_step"] == 0


def test_a_run_whose_process_is_alive_is_running(art: Shell) -> None:
    run = begun("mine")
    run.log({"x": 1})
    writer_of(run).flush()

    assert listed(art) == ("running", None)


@pytest.mark.local
def test_of_another_machine_nothing_is_known_but_what_the_store_heard(
    art: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(art)
    monkeypatch.setattr(socket, "gethostname", lambda: "another")

    assert listed(art) == ("running", None)


@pytest.mark.local
def test_who_goes_on_with_a_run_is_not_thought_dead_for_what_was_left(
    art: Shell, tmp_path: Path
) -> None:
    killed(art, "told")
    left = tmp_path / "cache" / "pending"
    kept = {path.name: path.read_bytes() for path in left.iterdir()}
    run = begun("mine", resume="allow")
    run.log({"x": 2})
    writer_of(run).flush()
    for name, data in kept.items():
        (left / name).write_bytes(data)

    assert listed(art) == ("running", None)


def test_when_a_silent_run_was_heard_of_last_is_told(
    art: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun("mine")
    run.log({"x": 1})
    writer_of(run).flush()
    for passed_s, told in ((50, "running"), (200, "running (last heard 3 min ago)")):
        later = now() + timedelta(seconds=passed_s)
        monkeypatch.setattr(standing, "now", lambda later=later: later)

        assert f"state      {told}" in art.ok("run", "show", "mine").lines
        assert told in art.ok("run", "ls").out.decode()
