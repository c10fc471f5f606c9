"""Told: what is known of a run: who it is, where it is, how it stands."""

from __future__ import annotations

import html
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from artifacts.metadata import check_text
from artifacts.runs.config import Config, ConfigStatic
from artifacts.runs.held import Held
from artifacts.runs.summary import Summary

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How much of what was told waits to be stored, and when something was stored last.

    Source: W&B SDK 0.19.8.
    """

    sync_items_total: int = 0
    sync_items_pending: int = 0
    sync_time: datetime | None = None


class Told(Held):
    """Facts of a run; name, notes and tags may be set at any time."""

    @property
    def id(self) -> str:
        """Unique in its project."""
        return self._id

    @property
    def name(self) -> str | None:
        """For people; need not be unique."""
        return str(self._facts.get("name") or self._id)

    @name.setter
    def name(self, name: str) -> None:
        self._set_fact("name", check_text(name, "name"))

    @property
    def notes(self) -> str | None:
        """A description, in Markdown."""
        notes: str | None = self._facts.get("notes")
        return notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._set_fact("notes", check_text(notes, "notes"))

    @property
    def tags(self) -> tuple[str, ...] | None:
        """To find it by."""
        return tuple(self._facts.get("tags") or ())

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._set_fact("tags", check_run_tags(tags))

    @property
    def entity(self) -> str:
        """Who it belongs to."""
        return self.settings.entity

    @property
    def project(self) -> str:
        """Where it belongs."""
        return self.settings.project

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return f"{self.entity}/{self.project}/{self._id}"

    @property
    def group(self) -> str:
        """What it is a part of; empty without."""
        return str(self._facts.get("group") or "")

    @property
    def job_type(self) -> str:
        """What it does in its group; empty without."""
        return str(self._facts.get("job_type") or "")

    @property
    def sweep_id(self) -> str | None:
        """The sweep that began it."""
        return self.settings.sweep_id or None

    @property
    def config(self) -> Config:
        """What it was made with."""
        return self._config

    @property
    def config_static(self) -> ConfigStatic:
        """A copy of the configuration that cannot be changed."""
        return ConfigStatic(self._config.as_dict())

    @property
    def summary(self) -> Summary:
        """One value for each key that was logged, and what else is set here."""
        return self._summary

    @property
    def step(self) -> int:
        """That of the row which is open, or comes next."""
        return self._steps.step

    @property
    def starting_step(self) -> int:
        """The first step of this start of the run."""
        return self._start.beginning.step

    @property
    def resumed(self) -> bool:
        """Whether it goes on with what an earlier process began."""
        return self._start.beginning.is_resumed

    @property
    def start_time(self) -> float:
        """Seconds since 1970."""
        return self._start_time

    @property
    def mode(self) -> str:
        """`online`, `offline` or `disabled`."""
        return self._start.mode

    @property
    def offline(self) -> bool:
        """Whether what it logs waits on this machine for `art sync`."""
        return self._start.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether nothing of it is kept."""
        return self._start.mode == "disabled"

    @property
    def dir(self) -> str:
        """A folder on this machine; the files in it are the run's when it ends."""
        folder = self._start.folder / "files"
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    @property
    def url(self) -> str | None:
        """Where it is: the store and its path there; None offline."""
        return self._url(self._id)

    def get_url(self) -> str | None:
        """As `url`."""
        return self.url

    def get_project_url(self) -> str | None:
        """Of its project."""
        return self._url()

    def get_sweep_url(self) -> str | None:
        """Of its sweep; None without one."""
        return self._url(self.sweep_id) if self.sweep_id else None

    def project_name(self) -> str:
        """As `project`."""
        return self.project

    def status(self) -> RunStatus:
        """How far what it told is from the store; what waits for somebody to send it counts."""
        backlog = self._diary.backlog
        at = backlog.stored_at
        stored = datetime.fromtimestamp(at, UTC) if at else None
        return RunStatus(backlog.told, backlog.waiting, stored)

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show it in a notebook. False where there is none."""
        try:
            from IPython import display  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            return False
        display.display(display.HTML(self.to_html(height, hidden)))
        return True

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Its name and its summary as a table."""
        rows = "".join(
            f"<tr><th>{html.escape(str(key))}</th><td>{html.escape(str(value))}</td></tr>"
            for key, value in self._summary.items()
        )
        style = f"max-height:{int(height)}px;overflow:auto{';display:none' if hidden else ''}"
        title = html.escape(f"{self.name} ({self.path})")
        return f'<div style="{style}"><b>{title}</b><table>{rows}</table></div>'

    def _url(self, *more: str) -> str | None:
        if self.offline or self.disabled:
            return None
        return "/".join((self.settings.store.rstrip("/"), self.entity, self.project, *more))

    def _set_fact(self, key: str, value: Any) -> None:  # noqa: ANN401
        self._refuse_finished(key)
        self._facts[key] = value
        self._diary.note("facts", {key: value})


def check_run_tags(tags: Sequence[str | None] | None) -> list[str]:
    """Each once; one text is one tag. Raises TypeError, InvalidError."""
    listed = [tags] if isinstance(tags, str) else tags or ()
    return [*dict.fromkeys(str(check_text(tag, "a tag")) for tag in listed if tag is not None)]
