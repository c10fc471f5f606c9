"""Client: asks again where it may help, gives up in time, and says what it was doing."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from artifacts.errors import (
    AlreadyExistsError,
    InvalidSettingError,
    ObjectNotFoundError,
    StorageError,
)
from artifacts.storage.bucket import Bucket
from artifacts.storage.client import Client

EXPIRED = PermissionError()
EXPIRED.__cause__ = type(
    "ClientError", (Exception,), {"response": {"Error": {"Code": "ExpiredToken"}}}
)()
SECRET = "hush"


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)

    def __call__(self) -> float:
        return sum(self.pauses)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> Client:
    return Client("memory://bucket/x", {}, sleep=clock.sleep, clock=clock)


def failing(*errors: Exception) -> Callable[[Bucket], Bucket]:
    """Raises these in turn, then returns the bucket that it was given."""
    left = list(errors)

    def act(bucket: Bucket) -> Bucket:
        if left:
            raise left.pop(0)
        return bucket

    return act


def test_what_passes_is_asked_again(client: Client, clock: Clock) -> None:
    found = client.call("reading", "k", failing(ConnectionResetError(), TimeoutError()))

    assert found is client.bucket
    assert len(clock.pauses) == 2
    assert clock.pauses[0] < clock.pauses[1] < 1


def test_what_does_not_pass_is_given_up(client: Client, clock: Clock) -> None:
    with pytest.raises(StorageError, match="reading failed at memory://bucket/x") as caught:
        client.call("reading", "k", failing(*[ConnectionResetError()] * 99))

    assert "8 times" in str(caught.value)
    assert caught.value.key == "k"
    assert 3 < sum(clock.pauses) < 30


def test_slow_answers_are_given_up_in_time(client: Client, clock: Clock) -> None:
    def act(bucket: Bucket) -> None:
        clock.sleep(50)
        raise TimeoutError

    with pytest.raises(StorageError, match="2 times"):
        client.call("reading", "k", act)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(), ObjectNotFoundError),
        (FileExistsError(), AlreadyExistsError),
        (PermissionError(), StorageError),
    ],
)
def test_a_clear_answer_is_taken_at_once(
    client: Client, clock: Clock, error: Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        client.call("reading", "k", failing(error))

    assert not clock.pauses


def test_what_the_caller_is_handling_is_no_answer(client: Client) -> None:
    """As whoever was told that an event exists reads it, whatever happens then."""
    try:
        client.call("creating", "k", failing(FileExistsError()))
    except AlreadyExistsError:
        with pytest.raises(StorageError, match="reading failed"):
            client.call("reading", "k", failing(*[ConnectionResetError()] * 99))


def test_expired_credentials_are_read_again_once(client: Client) -> None:
    before = client.bucket

    after = client.call("reading", "k", failing(EXPIRED))

    assert after is client.bucket is not before
    with pytest.raises(StorageError, match="log in again"):
        client.call("reading", "k", failing(EXPIRED, EXPIRED))


def test_an_error_shows_nothing_of_the_clients(client: Client) -> None:
    with pytest.raises(StorageError) as caught:
        client.call("reading", "k", failing(PermissionError(SECRET)))

    shown = (str(caught.value), repr(caught.value), caught.value.__cause__)
    assert SECRET not in f"{shown} {caught.value.__context__}"


def test_options_that_do_not_fit_are_not_shown() -> None:
    with pytest.raises(InvalidSettingError) as caught:
        Client("s3://bucket", {"key": SECRET, "username": SECRET}).connect()

    assert SECRET not in f"{caught.value} {caught.value.__cause__}"


def test_threads_share_one_bucket(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: id(client.call("", "k", failing())), range(64)))

    assert found == {id(client.bucket)}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it forks all the same
def test_a_fork_connects_anew(client: Client) -> None:
    before = id(client.bucket)
    receive, send = get_context("fork").Pipe()

    def tell() -> None:
        send.send((os.getpid(), id(client.bucket), client.call("", "k", lambda _: "answered")))

    process = get_context("fork").Process(target=tell)
    process.start()
    pid, after, answer = receive.recv()
    process.join()

    assert pid == process.pid
    assert after != before
    assert answer == "answered"


def test_a_client_can_be_pickled() -> None:
    client = Client("memory://bucket/x", {"asynchronous": False})
    client.connect()

    copy = pickle.loads(pickle.dumps(client))

    assert copy.url == client.url
    assert copy.bucket.root == client.bucket.root
