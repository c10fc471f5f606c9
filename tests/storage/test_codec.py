"""Codec: bytes come back, and no stored form can claim more than it may."""

from __future__ import annotations

import tracemalloc

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.errors import MalformedError
from artifacts.storage import RAW, compress, encode, expand
from artifacts.storage.codec import ZSTD, decode

HUGE = 2**26
DATA = st.binary(max_size=300) | st.builds(
    lambda part, n: part * n, st.binary(), st.integers(0, 99)
)
COMPRESSIBLE = b"the same again, " * 500


def bomb(size: int) -> bytes:
    """A few kilobytes that come to `size` zeros, and say so."""
    compressor = zstandard.ZstdCompressor().compressobj(size=size)
    parts = [compressor.compress(bytes(2**20)) for _ in range(size // 2**20)]
    return b"".join((*parts, compressor.flush()))


@given(DATA)
@settings(deadline=None)
def test_what_goes_in_comes_out(data: bytes) -> None:
    assert decode(encode(data), len(data), "k") == data


@given(DATA)
@settings(deadline=None)
def test_one_byte_is_the_most_it_costs(data: bytes) -> None:
    assert len(encode(data)) <= len(data) + 1


def test_what_compresses_is_compressed() -> None:
    assert len(encode(COMPRESSIBLE)) < 100


@given(DATA.filter(len))
@settings(deadline=None)
def test_more_than_may_be_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(encode(data), len(data) - 1, "k")


def test_a_bomb_is_refused_by_the_size_it_declares() -> None:
    stored = bytes([ZSTD]) + bomb(HUGE)
    tracemalloc.start()
    with pytest.raises(MalformedError) as caught:
        decode(stored, 2**20, "pages/k")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert caught.value.name == "pages/k"
    assert peak < 2**20


def test_a_frame_that_keeps_its_size_to_itself_is_refused() -> None:
    payload = zstandard.ZstdCompressor(write_content_size=False).compress(COMPRESSIBLE)

    with pytest.raises(MalformedError):
        decode(bytes([ZSTD]) + payload, len(COMPRESSIBLE), "k")


def test_a_frame_that_says_less_than_it_holds_is_refused() -> None:
    compressor = zstandard.ZstdCompressor(level=1)
    honest = compressor.compress(COMPRESSIBLE)
    [at] = [
        i for i in range(14) if honest[i : i + 2] == (len(COMPRESSIBLE) - 256).to_bytes(2, "little")
    ]
    lying = honest[:at] + (len(COMPRESSIBLE) - 256 - 1).to_bytes(2, "little") + honest[at + 2 :]

    assert zstandard.frame_content_size(lying) == len(COMPRESSIBLE) - 1
    with pytest.raises(MalformedError):
        decode(bytes([ZSTD]) + lying, len(COMPRESSIBLE), "k")


@given(st.data())
@settings(deadline=None)
def test_a_damaged_form_is_refused_or_comes_to_bounded_bytes(data: st.DataObject) -> None:
    stored = bytearray(encode(COMPRESSIBLE))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= data.draw(st.integers(1, 255))

    try:
        found = decode(bytes(stored), len(COMPRESSIBLE), "k")
    except MalformedError:
        return

    assert len(found) <= len(COMPRESSIBLE)


def test_any_cut_is_refused() -> None:
    stored = encode(COMPRESSIBLE)

    for length in range(len(stored)):
        with pytest.raises(MalformedError):
            decode(stored[:length], len(COMPRESSIBLE), "k")


@pytest.mark.parametrize("codec", [2, 3, 255])
def test_an_unknown_codec_is_refused(codec: int) -> None:
    with pytest.raises(MalformedError):
        decode(bytes([codec]) + b"data", 99, "k")


def test_raw_is_no_codec_to_expand() -> None:
    with pytest.raises(MalformedError):
        expand(RAW, memoryview(b"data"), 4, "k")


def test_what_follows_the_frame_is_refused() -> None:
    with pytest.raises(MalformedError):
        decode(encode(COMPRESSIBLE) + b"more", len(COMPRESSIBLE), "k")


def frames_of(parts: list[bytes]) -> memoryview:
    return memoryview(b"".join(map(compress, parts)))


@given(st.lists(DATA, min_size=1, max_size=5))
@settings(deadline=None)
def test_frames_end_to_end_are_expanded_to_all_their_bytes(parts: list[bytes]) -> None:
    data = b"".join(parts)

    assert expand(ZSTD, frames_of(parts), len(data), "k") == data


@given(st.lists(DATA.filter(len), min_size=1, max_size=5), st.sampled_from([-1, 1]))
@settings(deadline=None)
def test_frames_of_more_or_fewer_bytes_than_their_span_says_are_refused(
    parts: list[bytes], difference: int
) -> None:
    with pytest.raises(MalformedError):
        expand(ZSTD, frames_of(parts), sum(map(len, parts)) + difference, "k")


def test_frames_that_were_cut_are_refused() -> None:
    parts = [COMPRESSIBLE, b"x", COMPRESSIBLE[1:]]
    payload = frames_of(parts)

    for length in range(len(payload)):
        with pytest.raises(MalformedError):
            expand(ZSTD, payload[:length], sum(map(len, parts)), "k")


def test_a_bomb_is_expanded_no_further_than_its_span_says() -> None:
    payload = memoryview(bomb(HUGE))
    tracemalloc.start()
    with pytest.raises(MalformedError):
        expand(ZSTD, payload, 2**20, "k")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2**22
