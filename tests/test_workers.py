"""Workers: every batch is done once, in order, by whoever can."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster, cluster
from hypothesis import given
from hypothesis import strategies as st

from artifacts import workers
from artifacts.errors import StorageError, UnavailableError, UsageError
from artifacts.workers import BATCH_BYTES, batched, spread, workers_at


def double(number: int) -> int:
    return 2 * number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise StorageError("three", "is not to be had")
    return number


def die_elsewhere(work: tuple[int, Path, int]) -> int:
    """The first worker that takes 3 dies over it, unless it is this process."""
    owner, file, number = work
    if number == 3 and os.getpid() != owner and not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


class Odd(Executor):
    """Does with each task what `act` says."""

    def __init__(self, act: Callable[[Future[Any]], None]) -> None:
        self._act = act
        self.taken = 0

    def submit(self, *_: Any, **__: Any) -> Future[Any]:  # noqa: ANN401 - an executor's own
        self.taken += 1
        future: Future[Any] = Future()
        self._act(future)
        return future


def refuse(_: Future[Any]) -> None:
    raise RuntimeError("cannot schedule new futures after shutdown")


def break_(future: Future[Any]) -> None:
    future.set_exception(RuntimeError("worker lost"))


def cancel(future: Future[Any]) -> None:
    future.cancel()


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        yield pool


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask")) as found:
        yield found


def numbered(count: int) -> Iterator[tuple[int, str]]:
    return ((number, f"beside {number}") for number in range(count))


DOUBLED = [(2 * number, f"beside {number}") for number in range(600)]


def test_threads_of_this_process_do_all_in_order() -> None:
    assert [*spread(double, numbered(600), threads=3)] == DOUBLED


def test_processes_do_all_in_order(processes: Executor) -> None:
    assert [*spread(double, numbered(600), processes)] == DOUBLED


def test_a_dask_cluster_does_all_in_order(dask: Cluster) -> None:
    with workers_at(dask.url) as executor:
        assert [*spread(double, numbered(50), executor)] == DOUBLED[:50]


@pytest.mark.parametrize("act", [refuse, break_, cancel])
def test_what_an_executor_fails_to_do_is_done_here(act: Callable[[Future[Any]], None]) -> None:
    assert [*spread(double, numbered(600), Odd(act))] == DOUBLED


def test_what_an_executor_does_not_answer_is_done_here() -> None:
    silent = Odd(lambda _: None)

    assert [*spread(double, numbered(600), silent, patience_s=0)] == DOUBLED
    assert silent.taken < 600


def test_an_executor_that_only_was_slow_is_used_again() -> None:
    """Its answer comes while the batch is done here."""
    left: list[Future[int]] = []
    slow = Odd(left.append)

    def answer(number: int) -> int:
        for future in left:
            if not future.done():
                future.set_result(-1)
        return number

    found = [each for each, _ in spread(answer, numbered(3), slow, patience_s=0)]

    assert found == [0, -1, -1]


def test_a_process_that_is_killed_takes_nothing_with_it(tmp_path: Path) -> None:
    work = (((os.getpid(), tmp_path / "died", number), None) for number in range(20))
    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        assert [each for each, _ in spread(die_elsewhere, work, pool)] == [*range(20)]
    assert (tmp_path / "died").exists()


def test_a_dask_worker_that_is_killed_takes_nothing_with_it(tmp_path: Path) -> None:
    with cluster(tmp_path) as found, workers_at(found.url) as executor:
        work = (((os.getpid(), tmp_path / "died", number), None) for number in range(20))
        assert [each for each, _ in spread(die_elsewhere, work, executor)] == [*range(20)]
        assert sum(worker.poll() is not None for worker in found.workers) == 1


def test_what_no_process_can_be_sent_is_done_here(processes: Executor) -> None:
    lock = threading.Lock()

    [(found, _)] = spread(id, [(lock, None)], processes)

    assert found == id(lock)


@pytest.mark.parametrize("where", ["here", "processes", "broken"])
def test_an_error_of_the_work_is_its_own(where: str, processes: Executor) -> None:
    executor = {"here": None, "processes": processes, "broken": Odd(break_)}[where]
    found = spread(fail_at_three, numbered(20), executor)

    assert [next(found)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StorageError, match="three"):
        next(found)


def test_only_so_many_batches_are_under_way() -> None:
    begun: list[int] = []

    def work() -> Iterator[tuple[int, None]]:
        for number in range(10_000):
            begun.append(number)
            yield number, None

    found = spread(double, work(), threads=2)
    next(found)

    assert len(begun) <= 8
    found.close()  # type: ignore[attr-defined]


def test_who_stops_early_leaves_nothing_running() -> None:
    found = spread(double, numbered(1000), threads=2)
    next(found)
    found.close()  # type: ignore[attr-defined]

    assert not [each for each in threading.enumerate() if each.name.startswith("art-work")]


@given(st.lists(st.integers(0, BATCH_BYTES)), st.integers(1, 5))
def test_batches_have_all_items_and_end_with_what_fills_them(sizes: list[int], most: int) -> None:
    batches = [*batched(sizes, lambda size: size, most)]

    assert [size for batch in batches for size in batch] == sizes
    assert all(len(batch) <= most and sum(batch[:-1]) < BATCH_BYTES for batch in batches)
    assert all(len(batch) == most or sum(batch) >= BATCH_BYTES for batch in batches[:-1])


def test_threads_by_number() -> None:
    with workers_at("threads://3") as executor:
        assert isinstance(executor, ThreadPoolExecutor)
        assert [*spread(double, numbered(3), executor)] == DOUBLED[:3]


def test_processes_by_number() -> None:
    with workers_at("processes://1") as executor:
        assert isinstance(executor, ProcessPoolExecutor)
        assert executor.submit(os.getpid).result() != os.getpid()


@pytest.mark.parametrize(
    "url", ["", "threads://0", "threads://-1", "threads://x", "ray://a:1", "dask://"]
)
def test_what_is_no_executor_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no executor"), workers_at(url):
        pass


def test_where_no_scheduler_listens_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_ANSWER_S", 0.5)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"dask://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=f"no Dask scheduler answers at {url}"):
            workers_at(url).__enter__()


def test_a_scheduler_without_workers_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_WORKER_S", 0.5)
    with cluster(tmp_path, workers=0) as found, pytest.raises(UnavailableError, match="no worker"):
        workers_at(found.url).__enter__()


def test_without_distributed_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(UsageError, match=r"artifact-store\[dask\]"):
        workers_at("dask://127.0.0.1:1").__enter__()
