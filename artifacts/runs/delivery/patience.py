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
from artifacts.storage import identify

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
    answer = _begun(act)
    if not wait([answer], timeout_s).done:
        raise WaitTimeoutError(what, timeout_s)
    return answer.result()


def while_it_answers(session: Session, act: Callable[[], _T], *, is_needed: bool) -> _T:
    """What `act` returns or raises, whatever time it takes as long as the store answers meanwhile.

    If that does not, `act` goes on, and nobody hears of it. Raises as `check_still_answers`.
    """
    answer, limit_s = _begun(act), MINUTE_S if is_needed else ANSWER_S
    while not wait([answer], limit_s).done:
        check_still_answers(session, limit_s)
    return answer.result()


def _begun(act: Callable[[], _T]) -> Future[_T]:
    answer: Future[_T] = Future()

    def work() -> None:
        try:
            answer.set_result(act())
        except BaseException as error:  # noqa: BLE001 - the thread's outermost line: passed on
            answer.set_exception(error)

    Thread(target=work, name="art-wait", daemon=True).start()
    return answer


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


def check_still_answers(session: Session, limit_s: float | None = None) -> None:
    """Whether a store that is not far away, where a call has no limit of its own, answers at all.

    It has a minute, if nothing else is said. Raises StorageError and other ArtifactsErrors,
    WaitTimeoutError.
    """
    if not session.is_far:
        what = f"an answer of the store {session.settings.store}"
        within(limit_s or MINUTE_S, what, lambda: identify(session.writable.store))
