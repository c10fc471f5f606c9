"""Options: what every command takes, before its name or after it, and what it makes of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

import click

from artifacts.cli.call import Call
from artifacts.settings import Settings

_GIVEN = "artifacts.cli.options"


def command(function: Callable[..., int | None]) -> click.Command:
    """A command of the function's name, with the shared options; it is given its Call first."""

    @click.pass_context
    @wraps(function)
    def call(context: click.Context, /, **arguments: object) -> int | None:
        return function(_call(context), **arguments)

    made = click.command(call)
    made.params += shared_options()
    return made


def shared_options() -> list[click.Option]:
    return [
        _option("--store", "The store: a folder or a URL.", metavar="URL"),
        _option("--entity", "Whose projects are meant.", metavar="NAME"),
        _option("--project", "The project that is meant.", metavar="NAME"),
        _option("--json", "Answer with one JSON document."),
        _option("--quiet", "Tell nothing but errors and what was asked for."),
        _option("--debug", "Show where an error comes from."),
    ]


def _option(name: str, text: str, *, metavar: str | None = None) -> click.Option:
    """Without a `metavar` it is a flag."""
    return click.Option(
        [name],
        help=text,
        metavar=metavar,
        is_flag=metavar is None,
        expose_value=False,
        callback=_remember,
    )


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """The last one given counts; `meta` is one for a command and the group that it is in."""
    if value == "":
        raise click.BadParameter("is empty", context, parameter)
    if value:
        context.meta.setdefault(_GIVEN, {})[parameter.name] = value


def _call(context: click.Context) -> Call:
    given = context.meta.get(_GIVEN, {})
    settings = Settings.load(
        store=given.get("store"),
        entity=given.get("entity"),
        project=given.get("project"),
        quiet=given.get("quiet"),
    )
    logging.getLogger("artifacts").setLevel(logging.ERROR if settings.quiet else logging.WARNING)
    return Call(settings, is_json=given.get("json", False))
