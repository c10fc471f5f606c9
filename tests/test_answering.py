"""Answering: messages between two processes arrive whole, or not at all."""

from __future__ import annotations

from io import BytesIO

import pytest

from artifacts.answering import message, received


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 100])
@pytest.mark.parametrize("most", [1, 7, 10**6])
def test_a_message_arrives_as_it_was_sent(body: bytes, most: int) -> None:
    stream = BytesIO(message(body) + message(b"next"))

    def read(size: int) -> bytes:
        return stream.read(min(size, most))

    assert received(read) == body
    assert received(read) == b"next"
    assert received(read) is None


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 11])
def test_a_message_that_was_cut_off_is_none(cut: int) -> None:
    assert received(BytesIO(message(b"body")[:cut]).read) is None
