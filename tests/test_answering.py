"""Answering: messages between two processes arrive whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from artifacts.answering import receive, send


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0), open(writing, "wb", buffering=0):
        yield reading, writing


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 100])
def test_a_message_arrives_as_it_was_sent(pipe: tuple[int, int], body: bytes) -> None:
    reading, writing = pipe
    send(writing, body)
    send(writing, b"next")

    assert receive(reading) == body
    assert receive(reading) == b"next"


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 11])
def test_a_message_that_was_cut_off_is_none(cut: int) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0):
        with open(writing, "wb", buffering=0) as file:
            file.write(((4).to_bytes(8, "little") + b"body")[:cut])

        assert receive(reading) is None
