"""Call: what a command is given: a session of the settings in force, and how to answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeVar

import click

from artifacts.catalog import Session, Version
from artifacts.cli.arguments import check_is_no_folder
from artifacts.names import CollectionName
from artifacts.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """An answer is made once, as plain data; people get lines that are rendered from it."""

    session: Session
    is_json: bool = False

    @property
    def settings(self) -> Settings:
        return self.session.settings

    def collection(self, text: str) -> CollectionName:
        """Raises InvalidNameError, and UsageError for a folder."""
        check_is_no_folder(text)
        return CollectionName.parse(
            text, entity=self.settings.entity, project=self.settings.project
        )

    def version(self, text: str) -> Version:
        """Raises InvalidNameError, ArtifactNotFoundError, and UsageError for a folder."""
        check_is_no_folder(text)
        return self.session.resolve(text)

    def session_of(self, name: CollectionName) -> Session:
        """A session of the project that the name says."""
        return Session(replace(self.settings, entity=name.entity, project=name.project))

    def answer(self, data: T, render: Callable[[T], Iterable[str]]) -> None:
        """What was asked for."""
        if self.is_json:
            click.echo(json.dumps(data, indent=2))
        else:
            for line in render(data):
                click.echo(line)

    def answer_each(
        self, items: Iterable[Mapping[str, Any]], render: Callable[[Mapping[str, Any]], str]
    ) -> None:
        """A list of any length, as it comes."""
        if not self.is_json:
            for item in items:
                click.echo(render(item))
            return
        before = "["
        for item in items:
            click.echo(f"{before}\n  {json.dumps(item)}", nl=False)
            before = ","
        click.echo("\n]" if before == "," else "[]")

    def tell(self, data: T, render: Callable[[T], Iterable[str]]) -> None:
        """What was done, unless silence was asked for."""
        if self.is_json or not self.settings.quiet:
            self.answer(data, render)

    def note(self, text: str) -> None:
        """What helps a person and is no answer, unless silence was asked for."""
        if not self.settings.quiet:
            click.echo(f"art: {text}", err=True)

    @property
    def output(self) -> BinaryIO:
        """For bytes that are the answer."""
        return sys.stdout.buffer
