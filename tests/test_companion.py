"""Companion: answers what it is asked, or says so by being lost; and never outlives its owner."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from forks import done_by_fork
from tasks import about, doubled, failing, silent, turned

from artifacts import companion as module
from artifacts.companion import Companion, Task, companions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are none elsewhere")

_OWNER = """\
import sys, time
from artifacts.companion import Companion
from tasks import about
one = Companion(about)
print(one.answer(b"").decode(), flush=True)
time.sleep(3600)
"""
_TO_HEAD = """\
import os, signal
from artifacts.companion import Companion
from tasks import turned
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
one = Companion(turned)
os.kill(one.pid, signal.SIGKILL)
os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
assert one.answer(b"x") is None
"""
_FORKS = """\
import os, signal, time
from artifacts.companion import Companion
from tasks import about
one = Companion(about)
if not os.fork():
    signal.pause()
print(one.answer(b"").decode(), flush=True)
time.sleep(3600)
"""
_PROGRAM = """\
from artifacts.companion import Companion
from tasks import turned
print("began")
print(Companion(turned).answer(b"abc").decode())
"""


@pytest.fixture
def begin() -> Iterator[Callable[[Task], Companion]]:
    begun: list[Companion] = []

    def begin(task: Task) -> Companion:
        begun.append(Companion(task))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


Begin = Callable[[Task], Companion]


def is_there(one: Companion) -> bool:
    """Until its owner knows of its end."""
    return Path(f"/proc/{one.pid}").exists()


def test_it_answers_one_request_after_the_other(begin: Begin) -> None:
    one = begin(turned)

    assert [one.answer(each) for each in (b"abc", b"", b"12")] == [b"cba", b"", b"21"]
    assert not one.is_lost


def test_requests_and_answers_may_be_larger_than_a_pipe(begin: Begin) -> None:
    large = os.urandom(3 * 2**20)

    assert begin(doubled).answer(large) == large * 2


def test_it_is_lost_if_its_task_fails(begin: Begin) -> None:
    one = begin(failing)

    assert one.answer(b"x") is None
    assert one.is_lost
    assert one.answer(b"x") is None


def test_it_is_lost_if_it_is_killed(begin: Begin) -> None:
    one = begin(turned)
    assert one.answer(b"ab") == b"ba"
    os.kill(one.pid, signal.SIGKILL)

    assert one.answer(b"x") is None
    assert one.is_lost


def test_it_is_lost_if_it_is_silent(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
    one = begin(silent)

    assert one.answer(b"x") is None
    assert one.is_lost
    assert not is_there(one)


def test_it_is_lost_if_it_does_not_listen(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
    one = begin(turned)
    os.kill(one.pid, signal.SIGSTOP)

    assert one.answer(bytes(2**24)) is None
    assert not is_there(one)


def test_nobody_is_ended_by_one_that_has_ended() -> None:
    """As the signal of a pipe that nobody reads would end who wants it to, for `| head`."""
    path = os.pathsep.join(filter(None, sys.path))
    ran = subprocess.run(
        [sys.executable, "-c", _TO_HEAD], env={**os.environ, "PYTHONPATH": path}, check=False
    )

    assert ran.returncode == 0


def test_it_is_lost_if_it_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with closing(Companion(turned)) as one:
        assert one.answer(b"x") is None


def test_it_ends_when_it_is_closed_whatever_it_does() -> None:
    one = Companion(silent)
    one.close()
    one.close()

    assert not is_there(one)


def test_it_knows_nothing_of_the_program_nor_of_the_terminal(begin: Begin) -> None:
    pid, session, is_bare = (begin(about).answer(b"") or b"").split()

    assert pid == session, "Ctrl-C would reach it"
    assert is_bare == b"True"


def test_a_program_that_does_not_guard_itself_runs_once(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_PROGRAM)
    path = os.pathsep.join(filter(None, sys.path))
    ran = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.split() == ["began", "cba"]


@pytest.mark.parametrize("program", [_OWNER, _FORKS], ids=["alone", "with a forked child"])
def test_it_ends_with_its_owner(program: str) -> None:
    path = os.pathsep.join(filter(None, sys.path))
    owner = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert owner.stdout is not None
    with owner:
        pid = int(owner.stdout.readline().split()[0])
        pidfd = os.pidfd_open(pid)
        owner.kill()
    try:
        assert is_ended(pidfd)
    finally:
        os.close(pidfd)
        with suppress(ProcessLookupError):
            os.killpg(owner.pid, signal.SIGKILL)  # the child


def is_ended(pidfd: int) -> bool:
    """Within minutes; such a descriptor can be read from the process's end on."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(300_000))


def test_a_forked_child_leaves_it_to_its_owner(begin: Begin) -> None:
    one = begin(turned)

    assert done_by_fork(one.close) == 0
    assert one.answer(b"ab") == b"ba"


def test_there_are_as_many_as_have_a_processor_to_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for processors, most, expected in ((1, 3, 0), (2, 3, 1), (3, 3, 2), (9, 3, 3), (9, 0, 0)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=processors: {*range(n)})
        found = [*companions(turned, most)]
        for each in found:
            each.close()
        assert len(found) == expected


@pytest.mark.parametrize("executable", ["", "/usr/bin/uwsgi", "/opt/app/app"])
def test_there_are_none_where_python_is_not_what_runs(
    executable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(9)})
    monkeypatch.setattr(sys, "executable", executable)

    assert not [*companions(turned, 3)]


def test_there_are_none_in_a_frozen_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(9)})
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert not [*companions(turned, 3)]


def test_where_no_more_can_be_begun_there_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Companion] = []

    def begin(task: Task) -> Companion:
        if len(begun) == 2:
            raise BlockingIOError
        begun.append(Companion(task))
        return begun[-1]

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(9)})
    monkeypatch.setattr(module, "Companion", begin)
    try:
        assert [*companions(turned, 3)] == begun
        assert len(begun) == 2
    finally:
        for each in begun:
            each.close()
