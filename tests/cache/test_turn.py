"""Turn: one has it, and who dies with it holds up nobody."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from forks import done_by_fork, forked

from artifacts.cache.turn import Turn

HOLDER = """if True:
    import sys
    from artifacts.cache.turn import Turn
    turn = Turn(sys.argv[1])
    assert turn.take(wait=True)
    print("mine", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(path: str) -> Iterator[subprocess.Popen[bytes]]:
    """By a process that is killed in the end, if it is not before."""
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=pipe, stdout=pipe)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mine\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


def test_one_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    one, other = Turn(path), Turn(path)

    assert one.take(wait=False)
    assert not other.take(wait=False)
    one.end()
    assert other.take(wait=False)
    other.end()
    assert not os.path.exists(path)


def test_threads_that_wait_come_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []

    def work(n: int) -> int:
        with Turn(str(tmp_path / "turn")) as turn:
            assert turn.take(wait=True)
            inside.append(n)
            alone = len(inside)
            inside.remove(n)
            return alone

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(work, range(200))} == {1}


def test_who_dies_with_it_holds_up_nobody(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    with held(path) as holder, Turn(path) as turn:
        assert not turn.take(wait=False)

        holder.kill()
        holder.wait()

        assert turn.take(wait=True)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    with ExitStack() as stack:
        turn = Turn(path)
        assert turn.take(wait=False)
        waiting = stack.enter_context((tmp_path / "turn").open())  # as who waits has it open
        stack.enter_context(forked())

        turn.end()

        fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert stack.enter_context(Turn(path)).take(wait=False)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_end_it(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    with Turn(path) as turn:
        assert turn.take(wait=False)

        assert done_by_fork(turn.end) == 0

        assert not Turn(path).take(wait=False)


class Clock:
    """Time passes only while somebody sleeps, and something else may happen then."""

    def __init__(self, meanwhile: Callable[[float], None] = lambda _: None) -> None:
        self.now_s, self._meanwhile = 0.0, meanwhile

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s
        self._meanwhile(self.now_s)

    def waiter(self, path: str) -> Turn:
        return Turn(path, sleep=self.sleep, clock=lambda: self.now_s)


def test_who_is_stopped_with_it_holds_up_nobody_for_ever(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    with held(path) as holder:
        holder.send_signal(signal.SIGSTOP)
        clock = Clock()

        with clock.waiter(path) as turn:
            assert not turn.take(wait=True)

        assert 50 < clock.now_s < 70
        assert os.path.exists(path)


def test_who_gets_on_with_it_is_waited_for(tmp_path: Path) -> None:
    path, work = str(tmp_path / "turn"), tmp_path / "work"
    with Turn(path) as turn:
        assert turn.take(wait=False)
        turn.work_on(str(work))

        def grow(now_s: float) -> None:
            if now_s < 300:
                work.write_bytes(bytes(int(now_s)))
            elif now_s < 330:
                turn.end()

        clock = Clock(grow)
        with clock.waiter(path) as other:
            assert other.take(wait=True)

    assert 299 < clock.now_s < 310
