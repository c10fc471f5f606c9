"""Frame: what goes in comes out, and what was damaged on the way is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, MalformedError
from artifacts.storage import Frame

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
HEADERS = st.dictionaries(TEXTS.filter("objects".__ne__), VALUES, max_size=4)
FRAMES = st.builds(Frame, HEADERS, st.dictionaries(TEXTS, st.binary(max_size=40), max_size=4))
SAMPLE = Frame({"kind": "sample", "text": "ä\n"}, {"a": b"first\n", "b": b"", "c": bytes(300)})
NOT_FRAMES = {
    "no header": b"",
    "no line end": b"{}",
    "not JSON": b"{\n",
    "not UTF-8": b'{"a":"\xff"}\n',
    "a list": b"[]\n",
    "a text": b'"text"\n',
    "a number": b"1\n",
    "null": b"null\n",
    "nested too deeply": b"[" * 100_000 + b"\n",
    "a number too long to read": b'{"a":' + b"1" * 5_000 + b"}\n",
    "more bytes than declared": b"{}\nmore",
    "fewer bytes than declared": b'{"objects":[["a",5]]}\nfour',
    "a length below zero": b'{"objects":[["a",-1]]}\n',
    "lengths that cancel out": b'{"objects":[["a",5],["b",-1]]}\nfour',
    "a length that is no number": b'{"objects":[["a","4"]]}\nfour',
    "a length that is a truth value": b'{"objects":[["a",true]]}\n1',
    "a fraction": b'{"objects":[["a",4.0]]}\nfour',
    "a name that is no text": b'{"objects":[[1,4]]}\nfour',
    "a name that stands twice": b'{"objects":[["a",2],["a",2]]}\nfour',
    "no pairs": b'{"objects":["four"]}\nfour',
    "objects that are no list": b'{"objects":4}\nfour',
}


@given(FRAMES)
@settings(deadline=None)
def test_what_goes_in_comes_out(frame: Frame) -> None:
    assert Frame.decode(frame.encode(), "k") == frame


def test_the_order_of_objects_is_kept() -> None:
    frame = Frame({}, dict.fromkeys("cab", b""))

    assert [*Frame.decode(frame.encode(), "k").objects] == ["c", "a", "b"]


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_any_damaged_byte_is_refused(flip: int) -> None:
    data = SAMPLE.encode()

    for at in range(len(data)):
        with pytest.raises(DigestMismatchError):
            Frame.decode(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :], "k")


def test_any_cut_is_refused() -> None:
    data = SAMPLE.encode()

    for length in range(len(data)):
        with pytest.raises(DigestMismatchError):
            Frame.decode(data[:length], "k")


def test_an_addition_is_refused() -> None:
    with pytest.raises(DigestMismatchError):
        Frame.decode(SAMPLE.encode() + b"\0", "k")


@pytest.mark.parametrize("body", NOT_FRAMES.values(), ids=NOT_FRAMES)
def test_what_no_writer_makes_is_refused_though_its_digest_is_right(body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        Frame.decode(Digest.of(body).hex().encode() + b"\n" + body, "logs/k")

    assert caught.value.name == "logs/k"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_other_readers_could_not_read_is_not_written(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of several kinds
        Frame({"a": value}).encode()


def test_the_header_is_one_line_that_any_tool_can_read() -> None:
    digest, header, rest = SAMPLE.encode().split(b"\n", 2)

    assert digest.decode() == Digest.of(header + b"\n" + rest).hex()
    assert json.loads(header) == {**SAMPLE.header, "objects": [["a", 6], ["b", 0], ["c", 300]]}
    assert rest == b"".join(SAMPLE.objects.values())
