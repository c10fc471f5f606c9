"""Workers: the option by which others do the bulk of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from artifacts.workers import workers_at

F = TypeVar("F", bound=Callable[..., Any])


def executor_option(function: F) -> F:
    """--executor, for a command that reads or copies many bytes."""
    text = "Who does the work: threads://4, processes://4 or dask://HOST:PORT."
    return click.option("--executor", metavar="URL", help=text)(function)


@contextmanager
def executor_of(url: str | None) -> Iterator[Executor | None]:
    """None where none was asked for. Raises UsageError, UnavailableError."""
    if url is None:
        yield None
    else:
        with workers_at(url) as executor:
            yield executor
