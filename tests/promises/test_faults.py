"""Faults: whatever happens on the way to a store, it stays whole, and nothing wrong comes out.

`make soak` runs ten times as many schedules.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import pytest
from dying import FORKS
from far import FarScene
from folders import write_tree
from scene import Scene, Tree, noise, read_tree, scene_with
from servers.fleet import Fleet

from artifacts.cache import Receipt, audit
from artifacts.content import Digest
from artifacts.errors import ArtifactsError
from artifacts.storage import bucket, client
from artifacts.testing import (
    Exchange,
    Fault,
    Proxy,
    Schedule,
    always,
    longest_chain,
    seeded,
    strike,
)

SEEDS = int(os.environ.get("SEEDS", "50"))
OTHERS = SEEDS // 16  # on each server but the first
FAULTS = [*Fault]
TURNS = len(FAULTS) if SEEDS > 50 else 2  # which fault strikes at which request
EACH = 6  # commits of each of two writers
DELAY_S = 0.3  # many times what it takes to begin a request
ATTEMPTS = (2, 3, 4)
MOST_S = 60  # that any one act may take

SMALL: Tree = {f"labels/{n}.txt": b"label %d" % n for n in range(4)} | {"empty": b""}
FIRST = SMALL
SECOND = {**SMALL, "labels/1.txt": b"corrected", "notes.md": noise(5_000, seed=2)}
LARGE = {
    **SMALL,
    "weights": noise(2**24 + 2**16, seed=1),  # more than one part
    "log.csv": b"".join(b"%d,%d,even\n" % (n, n * n % 97) for n in range(300_000)),
}


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A store with two versions."""
    return scene_with(tmp_path_factory.mktemp("begun"), FIRST, SECOND)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("large"), LARGE)


@pytest.fixture
def server() -> str:
    """The one that answers soonest, where nothing else is said."""
    return "ceph"


@pytest.fixture
def scene(fleet: Fleet, server: str, begun: Scene, tmp_path: Path) -> FarScene:
    """A copy of it on a server."""
    return FarScene.copied_to(fleet.server(server), begun, tmp_path / "machine")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_seeded_schedule_of_faults(scene: FarScene, large: Path, seed: int) -> None:
    with troubled(scene, seeded(seed), tries=4) as proxy:
        has_logged = succeeds(scene.behind(proxy).log, large)
    assert proxy.exchanges
    found = contents(scene)
    assert found in digests([FIRST, SECOND], [FIRST, SECOND, LARGE])
    assert len(found) == 3 or not has_logged

    assert scene.log(large).version == "v2"

    cold, folder = scene.on(scene.folder / "cold"), scene.folder / "download"
    with troubled(scene, seeded(-seed - 1), tries=4) as proxy:
        has_downloaded = succeeds(cold.behind(proxy).deliver, 2, folder)
    assert proxy.exchanges
    assert read_tree(folder).items() <= LARGE.items()
    assert read_tree(folder) == LARGE or not has_downloaded

    assert [contents(scene)] == digests([FIRST, SECOND, LARGE])
    assert_completed(cold, folder)


@pytest.mark.parametrize("seed", range(OTHERS))
@pytest.mark.parametrize("server", ["ministack", "azurite", "gcs"])
def test_a_seeded_schedule_on_another_server(scene: FarScene, large: Path, seed: int) -> None:
    test_a_seeded_schedule_of_faults(scene, large, seed)


@pytest.mark.parametrize("turn", range(TURNS))
def test_logging_survives_one_fault_at_any_request(
    scene: FarScene, tmp_path: Path, turn: int
) -> None:
    expected = [FIRST, SECOND]
    for at in count(1):
        expected.append({**SMALL, "changed": b"at %d" % at})
        source = write_tree(tmp_path / "source", expected[-1])
        schedule = strike(at, FAULTS[(at + turn) % len(FAULTS)])
        with troubled(scene, schedule) as proxy, bounded():
            assert scene.behind(proxy).log(source).version == f"v{len(expected) - 1}"
        if not any(each.fault for each in proxy.exchanges):
            break
    assert at > 10
    assert [contents(scene)] == digests(expected)


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_download_survives_one_fault_at_any_request(
    scene: FarScene, tmp_path: Path, turn: int
) -> None:
    for at in count(1):
        folder = tmp_path / str(at)
        schedule = strike(at, FAULTS[(at + turn) % len(FAULTS)])
        with troubled(scene, schedule) as proxy, bounded():
            scene.on(tmp_path / f"machine {at}").behind(proxy).deliver(1, folder)
        assert read_tree(folder) == SECOND
        if not any(each.fault for each in proxy.exchanges):
            break
    assert at > 10


def test_writers_that_never_hear_that_they_won_commit_once_each(
    scene: FarScene, tmp_path: Path
) -> None:
    with troubled(scene, losing_answers) as proxy, ProcessPoolExecutor(2, FORKS) as pool:
        writers = [scene.on(tmp_path / name).behind(proxy) for name in "ab"]
        said = [*pool.map(commit_all, writers)]

    assert any(each.fault for each in proxy.exchanges)
    offers = [
        {"offer": Digest.of(offer(writer, turn))} for writer in writers for turn in range(EACH)
    ]
    versions = contents(scene)[2:]
    assert len(versions) == len(offers)
    assert all(each in versions for each in offers)
    assert [versions[number - 2] for each in said for number in each] == offers


def losing_answers(number: int, method: str, target: str) -> Fault | None:
    """To two writes of five, all of which were done."""
    return Fault.LOSE if method == "PUT" and number % 5 in (0, 2) else None


def commit_all(writer: FarScene) -> list[int]:
    """The numbers that this process was told, in order of its commits."""
    said = []
    for turn in range(EACH):
        source = write_tree(writer.folder / str(turn), {"offer": offer(writer, turn)})
        said.append(int(writer.log(source).version.removeprefix("v")))
    return said


def offer(writer: FarScene, turn: int) -> bytes:
    return f"offer {turn} of {writer.folder.name}".encode()


def test_a_small_file_is_logged_in_four_round_trips(scene: FarScene, tmp_path: Path) -> None:
    with Proxy(scene.port, delay_s=DELAY_S) as proxy:
        warm = scene.behind(proxy)
        warm.log(write_tree(tmp_path / "before", {"file": noise(4096, seed=1)}))
        chains = []
        for seed in ATTEMPTS:
            source = write_tree(tmp_path / str(seed), {"file": noise(4096, seed)})
            proxy.begin(always(Fault.DELAY))
            warm.log(source)
            chains.append(longest_chain(proxy.exchanges))

    assert_at_most(4, chains)


def test_a_small_file_is_read_cold_in_five_round_trips(scene: FarScene, tmp_path: Path) -> None:
    scene.log(write_tree(tmp_path / "source", {"file": noise(4096, seed=1)}))
    with Proxy(scene.port, delay_s=DELAY_S) as proxy:
        chains = []
        for number in ATTEMPTS:
            cold = scene.on(tmp_path / f"cold {number}").behind(proxy)
            proxy.begin(always(Fault.DELAY))
            cold.deliver(2, tmp_path / f"download {number}")
            chains.append(longest_chain(proxy.exchanges))

    assert_at_most(5, chains)


def assert_at_most(most: int, chains: Sequence[Sequence[Exchange]]) -> None:
    """A machine that is too busy to ask in time makes chains longer, but none shorter."""
    chain = min(chains, key=len)
    assert len(chain) <= most, "\n".join(map(str, chain))


@contextmanager
def troubled(scene: FarScene, schedule: Schedule, *, tries: int = 8) -> Iterator[Proxy]:
    """A way to its server on which clients waste no time, for some of what they wait for is lost.

    Only while it is there: a server that a busy machine keeps waiting has the time it needs.
    """
    with pytest.MonkeyPatch.context() as patch, Proxy(scene.port, schedule) as proxy:
        patch.setattr(client, "_FIRST_PAUSE_S", 0.005)
        patch.setattr(client, "_TRIES", tries)
        patch.setattr(bucket, "_ANSWER_S", 2.0)
        patch.setattr(bucket, "_SLOWEST", 2**23)
        yield proxy


def succeeds(act: Callable[..., object], *arguments: object) -> bool:
    """Whether it does; else it raises what it may, and soon enough."""
    with bounded():
        try:
            act(*arguments)
        except ArtifactsError:
            return False
        return True


@contextmanager
def bounded() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"it hangs, for {MOST_S} s now")  # no Exception, so that nobody retries it

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, MOST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def contents(scene: FarScene) -> list[dict[str, Digest]]:
    """Files of all versions; each byte of the store was read, and is right."""
    with TemporaryDirectory() as folder:
        near = scene.brought_home(Path(folder))
        assert near.problems() == []
        versions = near.versions()
        assert [version.row.number for version in versions] == [*range(len(versions))]
        return [{each.path: each.digest for each in version.entries()} for version in versions]


def digests(*histories: Sequence[Tree]) -> list[list[dict[str, Digest]]]:
    """Of files of versions, as they may have been committed."""
    return [
        [{path: Digest.of(data) for path, data in tree.items()} for tree in history]
        for history in histories
    ]


def assert_completed(scene: FarScene, folder: Path) -> None:
    """A second download completes the first, whose remains are taken for nobody's data."""
    scene.deliver(2, folder)
    assert read_tree(folder) == LARGE
    assert audit(folder, Receipt.read(folder).files()).is_clean
