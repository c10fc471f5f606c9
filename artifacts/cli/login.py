"""Login: what opens a store, kept for this user."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import click

from artifacts.catalog import Session
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.credentials import Credentials
from artifacts.errors import StoreNotFoundError, UsageError


class _Asked(NamedTuple):
    """One thing that a kind of store wants to know."""

    option: str
    question: str
    is_secret: bool = False


_QUESTIONS: Mapping[str, Sequence[_Asked]] = {
    "s3": (_Asked("key", "Access key id"), _Asked("secret", "Secret access key", is_secret=True)),
    "gs": (_Asked("token", "Path of the service account's key file"),),
    "az": (
        _Asked("account_name", "Storage account"),
        _Asked("account_key", "Account key", is_secret=True),
    ),
}
_ALIKE = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "adl": "az"}


@command
@click.argument("url", required=False)
@click.option("--stdin", "is_piped", is_flag=True, help="Read the secrets as a JSON object.")
@click.option("--anonymous", is_flag=True, help="Without any: a store that everybody may read.")
@click.option("--option", "given", metavar="NAME=VALUE", multiple=True, help="What is no secret.")
@click.option("--verify", "is_verified", is_flag=True, help="Ask the store whether they will do.")
def login(
    call: Call,
    url: str | None,
    *,
    is_piped: bool,
    anonymous: bool,
    given: tuple[str, ...],
    is_verified: bool,
) -> None:
    """Keep what opens a store, for this user of this machine.

    URL is the store of the settings unless it is given; what is kept serves all stores below it.
    It goes into the system's keyring if the package keyring is there, and otherwise into a file
    that nobody else can read. Secrets are asked for, or read from standard input, as options of
    fsspec's filesystem: they are no arguments, which others could see. With --option profile=NAME
    they are those of AWS's own files.
    """
    place = url or call.settings.store
    scheme = _scheme_of(place)
    options: dict[str, Any] = dict(map(_option, given)) | ({"anon": True} if anonymous else {})
    if is_piped:
        options |= _read()
    elif not anonymous and "profile" not in options:
        options |= _ask(scheme)
    if is_verified:
        _verify(call, place, options)
    kept = Credentials(call.settings.credentials_path).keep(place, options)
    data = {"store": place, "kept": kept, "options": sorted(options)}
    call.tell(data, lambda _: _lines(data))


def _scheme_of(place: str) -> str:
    """Raises UsageError for a store that needs nothing."""
    scheme, separator, _ = place.partition("://")
    if not separator or scheme in ("file", "memory"):
        raise UsageError(f"{place} is a store of this machine, and needs no login")
    return _ALIKE.get(scheme, scheme)


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise click.BadParameter("expected NAME=VALUE", param_hint="--option")
    return name, value


def _read() -> dict[str, Any]:
    """Raises UsageError."""
    try:
        told = json.loads(sys.stdin.read())
    except ValueError:
        told = None  # what was read must not be shown
    if not isinstance(told, dict):
        raise UsageError('--stdin wants a JSON object, as {"key": "…", "secret": "…"}')
    return told


def _ask(scheme: str) -> dict[str, str]:
    """Raises UsageError where nobody can be asked, or nobody knows what."""
    if scheme not in _QUESTIONS or not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked here: take --stdin, --option profile=NAME or --anonymous"
        )
    return {
        each.option: click.prompt(each.question, hide_input=each.is_secret, err=True)
        for each in _QUESTIONS[scheme]
    }


def _verify(call: Call, place: str, options: Mapping[str, Any]) -> None:
    """Raises StorageError if they will not do. A store that is not there yet may be made."""
    given = {**options, **call.settings.storage_options}
    session = Session(replace(call.settings, store=place, storage_options=given))
    try:
        _ = session.catalog.identity
    except StoreNotFoundError:
        call.note(f"no store is at {place} yet; the first write makes one")


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    options = ", ".join(data["options"]) or "nothing"
    yield f"{shown(data['store'])}  {options} kept in {shown(data['kept'])}"
