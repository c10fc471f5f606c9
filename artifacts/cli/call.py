"""Call: what a command is given: a session of the settings in force, and how to answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

import click
from msgspec import Struct

from artifacts import catalog
from artifacts.cli.arguments import check_is_no_folder, check_is_no_version
from artifacts.names import CollectionName
from artifacts.progress import Progress, bar_of
from artifacts.settings import Settings

_LINES_AT_ONCE = 1000

T = TypeVar("T")


class Call(Struct, frozen=True, dict=True):
    """An answer is made once, as plain data; people get lines that are rendered from it."""

    settings: Settings
    is_json: bool = False

    @cached_property
    def session(self) -> catalog.Session:
        """Begun when it is first asked for: what is done offline needs none."""
        return catalog.Session(self.settings)

    def progress(self, label: str) -> Progress:
        """A bar, if somebody is watching and did not ask for silence."""
        return bar_of(label, is_quiet=self.settings.quiet)

    def collection(self, text: str) -> CollectionName:
        """Raises InvalidNameError, and UsageError for a folder or a version."""
        check_is_no_folder(text)
        check_is_no_version(text)
        return CollectionName.parse(
            text, entity=self.settings.entity, project=self.settings.project
        )

    def version(self, text: str) -> catalog.Version:
        """Raises InvalidNameError, ArtifactNotFoundError, and UsageError for a folder."""
        check_is_no_folder(text)
        return self.session.resolve(text)

    def session_of(self, name: CollectionName) -> catalog.Session:
        """A session of the project that the name says."""
        return catalog.Session(replace(self.settings, entity=name.entity, project=name.project))

    def answer(self, data: T, render: Callable[[T], Iterable[str]]) -> None:
        """What was asked for."""
        _echo([json.dumps(data, indent=2)] if self.is_json else render(data))

    def answer_each(
        self, items: Iterable[Mapping[str, Any]], render: Callable[[Mapping[str, Any]], str]
    ) -> None:
        """A list of any length, as it comes."""
        _echo(_json_lines(items) if self.is_json else map(render, items))

    def answer_live(
        self, items: Iterable[Mapping[str, Any]], render: Callable[[Mapping[str, Any]], str]
    ) -> None:
        """A list that grows while it is told: each item at once, as JSON on a line of its own."""
        for item in items:
            click.echo(json.dumps(item) if self.is_json else render(item))

    def tell(self, data: T, render: Callable[[T], Iterable[str]]) -> None:
        """What was done, unless silence was asked for."""
        if self.is_json or not self.settings.quiet:
            self.answer(data, render)

    def note(self, text: str) -> None:
        """What helps a person and is no answer, unless silence was asked for."""
        if not self.settings.quiet:
            click.echo(f"art: {text}", err=True)

    def write(self, data: bytes) -> None:
        """Bytes that are the answer. All of them: what is unbuffered takes only a part."""
        left = memoryview(data)
        while left:
            left = left[sys.stdout.buffer.write(left) :]


def _json_lines(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One list, an item a line."""
    before = "["
    for item in items:
        yield f"{before}{json.dumps(item)}"
        before = ","
    yield "]" if before == "," else "[]"


def _echo(lines: Iterable[str]) -> None:
    """Many at once, since each call flushes."""
    left = iter(lines)
    while batch := [*islice(left, _LINES_AT_ONCE)]:
        click.echo("\n".join(batch))
