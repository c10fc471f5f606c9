"""Turn: one has it, and who dies with it holds up nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from artifacts.cache.turn import Turn

HOLDER = """if True:
    import sys
    from artifacts.cache.turn import Turn
    turn = Turn(sys.argv[1])
    assert turn.take(wait=True)
    print("mine", flush=True)
    sys.stdin.read()
"""


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
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=pipe, stdout=pipe)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mine\n"
    with Turn(path) as turn:
        assert not turn.take(wait=False)

        holder.kill()
        holder.communicate()

        assert turn.take(wait=True)
