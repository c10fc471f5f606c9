"""Description: what a run is run by and where, told once."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from artifacts.runs.capture.git import DIFF, Repository, find_repository
from artifacts.runs.capture.machine import describe_machine
from artifacts.runs.capture.packages import REQUIREMENTS, requirements
from artifacts.runs.capture.piece import NEVER, Recorder
from artifacts.runs.capture.program import Program
from artifacts.settings import Settings

METADATA = "wandb-metadata.json"


class Description:
    """Fact `metadata` of the run and file `wandb-metadata.json` in W&B's words; and, unless the
    settings say otherwise, `requirements.txt`, `diff.patch` and the program's own code.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._writer: Recorder | None = None
        self._is_told = False
        self._started_at = datetime.now(UTC)
        self._program = Program.current()
        self._working_folder = Path.cwd()

    def start(self, writer: Recorder) -> None:
        """Told later, but of this moment."""
        self._writer = writer

    def work(self) -> float:
        """Once. Git has a few seconds for each question."""
        if self._writer is not None and not self._is_told:
            self._is_told = True
            self._describe(self._writer)
        return NEVER

    def stop(self) -> None:
        """A run that was over at once is described as well."""
        self.work()

    def _describe(self, writer: Recorder) -> None:
        repository = self._repository()
        if not self._settings.x_disable_meta:
            facts = self._metadata(repository)
            writer.note("facts", {"metadata": facts})
            self._file(writer, METADATA, json.dumps(facts, indent=2).encode())
        if self._settings.x_save_requirements:
            self._file(writer, REQUIREMENTS, requirements().encode())
        if repository and not self._settings.disable_code and (diff := repository.diff()):
            self._file(writer, DIFF, diff)
        if self._settings.save_code and not self._settings.disable_code:
            self._save_code(writer, repository)

    def _repository(self) -> Repository | None:
        if self._settings.disable_git:
            return None
        folder = Path(self._settings.git_root or self._working_folder)
        return find_repository(folder, self._settings.git_remote or "origin")

    def _metadata(self, repository: Repository | None) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "os": platform.platform(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "executable": sys.executable,
            "startedAt": self._started_at.isoformat().replace("+00:00", "Z"),
            "program": self._settings.program or self._program.name,
            "args": [*self._program.arguments],
            "root": str(self._working_folder),
            "codePath": self._code_path(repository),
            "git": self._git(repository),
        }
        if not self._settings.x_disable_machine_info:
            facts.update(describe_machine())
        if self._settings.host:
            facts["host"] = self._settings.host
        return {name: value for name, value in facts.items() if value is not None}

    def _git(self, repository: Repository | None) -> dict[str, str] | None:
        settings = self._settings
        if settings.disable_git:
            return None
        told = {
            "remote": settings.git_remote_url or (repository.remote if repository else None),
            "commit": settings.git_commit or (repository.commit if repository else None),
            "branch": repository.branch if repository else None,
        }
        return {name: value for name, value in told.items() if value} or None

    def _code_path(self, repository: Repository | None) -> str | None:
        root = repository.root if repository else self._working_folder
        return self._settings.program_relpath or self._program.path_below(root)

    def _save_code(self, writer: Recorder, repository: Repository | None) -> None:
        path, name = self._program.path, self._code_path(repository)
        if path is not None and name is not None:
            writer.file(f"code/{name}", path, "now")

    def _file(self, writer: Recorder, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        path.write_bytes(content)
        writer.file(name, path, "now")
