"""Patience: how long a run waits for a store, and which of its failures may pass."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Thread
from typing import TypeVar

from artifacts.catalog import Session
from artifacts.errors import (
    ConflictError,
    IntegrityError,
    StoreNotFoundError,
    UnavailableError,
    WaitTimeoutError,
)

ANSWER_S, MINUTE_S = 5.0, 60.0
PASSING = (UnavailableError, ConflictError, IntegrityError, OSError)
"""What a store raises that may take the same another time; a bad address is none of it."""

_T = TypeVar("_T")


def soon(what: str, act: Callable[[], _T]) -> _T:
    """As `within`, of one answer that somebody waits for who could go on without."""
    return within(ANSWER_S, what, act)


def within(timeout_s: float, what: str, act: Callable[[], _T]) -> _T:
    """What `act` returns or raises. One that takes longer goes on, and nobody hears of it.

    Raises WaitTimeoutError then.
    """
    answer: Future[_T] = Future()

    def work() -> None:
        try:
            answer.set_result(act())
        except BaseException as error:  # noqa: BLE001 - the thread's outermost line: passed on
            answer.set_exception(error)

    Thread(target=work, name="art-wait", daemon=True).start()
    if not wait([answer], timeout_s).done:
        raise WaitTimeoutError(what, timeout_s)
    return answer.result()


def check_answers(session: Session, *, is_needed: bool) -> None:
    """Whether the store says anything soon, be it that nothing is there yet.

    One that `is_needed` has longer.

    Raises InvalidSettingError, NotAStoreError, StorageError, WaitTimeoutError.
    """
    what = f"an answer of the store {session.settings.store}"
    if session.is_far:
        within(MINUTE_S, what, lambda: session.catalog)  # its client is loaded, and nothing asked

    def ask() -> None:
        with suppress(StoreNotFoundError):
            _ = session.catalog.identity

    within(MINUTE_S if is_needed else ANSWER_S, what, ask)
