"""Failure: what is told of an error: a sentence to people, an exit code to scripts."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

import click

from artifacts import catalog
from artifacts.cli.output import count_text, shown
from artifacts.errors import (
    AliasedError,
    ArtifactsError,
    CommError,
    ConflictError,
    IntegrityError,
    InvalidError,
    LocalChangesError,
    NotFoundError,
    StateError,
    UnavailableError,
    UsageError,
    VerificationError,
)

EXIT_CODES: Mapping[type[BaseException], int] = {  # of several bases the first one counts
    IntegrityError: 1,
    InvalidError: 2,
    UsageError: 2,
    CommError: 2,
    click.ClickException: 2,
    NotFoundError: 3,
    FileNotFoundError: 3,
    ConflictError: 4,
    StateError: 5,
    UnavailableError: 6,
    OSError: 6,
    Exception: 70,
    KeyboardInterrupt: 130,
    click.Abort: 130,
    BrokenPipeError: 141,
}


def exit_code(kind: type[BaseException]) -> int:
    return next(EXIT_CODES[base] for base in kind.__mro__ if base in EXIT_CODES)


def report(error: BaseException, *, with_traceback: bool = False) -> int:
    """Say on standard error what is wrong and what to do; the exit code.

    Nothing is said of a closed pipe, as who closed it has heard enough.
    """
    if with_traceback:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if not isinstance(error, BrokenPipeError):
        for text in (_sentence(error), *getattr(error, "__notes__", ())):
            click.echo("\n".join(map(shown, f"art: {text}".splitlines())), err=True)
    return exit_code(type(error))


def no_such_path(version: catalog.Version, path: str) -> NotFoundError:
    return NotFoundError(
        f"no {path!r} in {version.qualified_name} of {version.store.url}; "
        f"`art show {version.qualified_name} --files` lists what there is"
    )


def _sentence(error: BaseException) -> str:
    match error:
        case LocalChangesError():
            text = "\n  ".join(["kept, as edited since; --force overwrites:", *error.paths])
        case VerificationError():
            text = f"{error.folder}: {count_text(len(error.differences), 'problem')}, listed above"
        case AliasedError():
            text = str(error).replace("delete_aliases=True", "--delete-aliases")
        case ArtifactsError():
            text = str(error)
        case click.ClickException():
            text = _usage(error)
        case OSError():
            text = f"{error.filename or 'the disk'}: {error.strerror or error}"
        case KeyboardInterrupt() | click.Abort():
            text = "interrupted; what was committed is whole, the rest can be done again"
        case _:
            text = f"a fault of this program, please report what --debug shows: {error!r}"
    return text


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    hint = f"; `{context.command_path} --help` tells more" if context else ""
    return " ".join(error.format_message().split()).rstrip(".") + hint
