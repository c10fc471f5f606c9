"""Idle: a process of which every thread waits, so that nothing more happens by itself."""

from __future__ import annotations

import os
import time
from threading import get_native_id

_TASKS = "/proc/self/task"
_LOOK_S = 0.002
_LOOKS = 3
_LITTLE_S = 0.0002  # of the processor, between two looks: somebody woke and waits again
_BUSY = frozenset("RD")  # proc(5): running or about to, or the disk's turn


def wait_until_idle(most_s: float = 60.0) -> None:
    """Return once all other threads of this process wait, or after `most_s`.

    On a machine with more to do than it can, time says little of what a thread had time to do.
    Elsewhere than on Linux nobody can tell: it returns at once.
    """
    end_s, idle, spent_s = time.monotonic() + most_s, 0, -1.0
    while idle < _LOOKS and time.monotonic() < end_s and os.path.isdir(_TASKS):
        time.sleep(_LOOK_S)
        before_s, spent_s = spent_s, _spent_by_others_s()
        # who wants the interpreter's lock sleeps while this looks, but has it in between
        is_idle = spent_s - before_s < _LITTLE_S and not _is_busy()
        idle = idle + 1 if is_idle else 0


def _spent_by_others_s() -> float:
    return time.process_time() - time.thread_time()


def _is_busy() -> bool:
    me = str(get_native_id())
    return any(_state(task) in _BUSY for task in os.listdir(_TASKS) if task != me)


def _state(task: str) -> str:
    """proc(5): the word after the name, which stands in brackets and may hold some."""
    try:
        with open(f"{_TASKS}/{task}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"  # it ended
