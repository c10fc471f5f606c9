"""Schedule: what goes wrong with which request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from random import Random
from typing import TypeAlias


class Fault(Enum):
    """What befalls a request."""

    DROP = "its connection is closed, it is not forwarded"
    RESET = "half of its body is forwarded, then both connections are reset"
    LOSE = "it is forwarded, and its connection closed instead of an answer"
    LATE = "its connection is closed, and it is forwarded a little later all the same"
    REPEAT = "it is forwarded twice, and the second answer is passed on"
    TRUNCATE = "half of the answer's body is passed on, or of its first line where it has none"
    DELAY = "it is forwarded a little later"
    HANG = "its body is not read, and nothing is answered; its connection stays"
    BUSY = "503 instead of forwarding it: slow down"
    THROTTLE = "429 instead of forwarding it: too many requests"
    BREAK = "500 instead of forwarding it"


REFUSALS = {
    Fault.BUSY: (503, "SlowDown"),
    Fault.THROTTLE: (429, "TooManyRequests"),
    Fault.BREAK: (500, "InternalError"),
}

Schedule: TypeAlias = Callable[[int, str, str], Fault | None]
"""What befalls a request: its number, counted from 1, method and target are given."""


def calm(number: int, method: str, target: str) -> None:
    """The schedule without a fault."""


def strike(at: int, fault: Fault) -> Schedule:
    """One fault, at one request."""
    return lambda number, method, target: fault if number == at else None


def always(fault: Fault) -> Schedule:
    """The same fault at every request."""
    return lambda number, method, target: fault


def seeded(seed: int, faults: Sequence[Fault] = tuple(Fault)) -> Schedule:
    """Some of the faults, now and then or often; with some seeds an outage, with or without end.

    The same seed gives the same faults at the same numbers.
    """
    random = Random(seed)
    kinds = random.sample(faults, random.randint(1, len(faults)))
    rate = random.choice((0.02, 0.05, 0.15, 0.3))
    start = random.randint(1, 100)
    outage = range(start, start + random.choice((0, 0, 3, 10, 10**9)))

    def choose(number: int, method: str, target: str) -> Fault | None:
        drawn = Random(f"{seed} {number}")
        is_struck = number in outage or drawn.random() < rate
        return drawn.choice(kinds) if is_struck else None

    return choose
