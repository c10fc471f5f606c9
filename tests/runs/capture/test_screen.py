from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.runs.capture.screen import Screen


def shown(*pieces: str) -> list[str]:
    screen = Screen("stdout", count(1))
    for piece in pieces:
        screen.feed(piece)
    return [line.text for line in screen.lines if line.number]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("\r 1 %\r 50 %\r100 %\n", ["100 %"]),
        ("short\rlonger text\rab", ["abnger text"]),
        ("one\ntwo\x1b[A\rONE\n\n", ["ONE", "two"]),
        ("\x1b[31mred\x1b[0m plain\n", ["\x1b[31mred\x1b[0m plain"]),
        ("\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        ("a\tb\bc\n", ["a\tc"]),
        ("clear\r\x1b[2Kafter", ["after"]),
        ("abcdef\x1b[3D\x1b[Kx", ["abcx"]),
        ("bar   \r      \rnext", ["next"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("\x1b]0;title\x07text", ["text"]),
        ("\x1b[1;1", []),
        ("\x1b[?25lhidden cursor\x1b[?25h", ["hidden cursor"]),
        ("x\x1b[3Bdown", ["x", "", "", " down"]),
        ("\udce9", ["?"]),
        ("\x00bell\x07", ["bell"]),
        ("\x1b[999999999999Cx", [" " * 16383 + "x"]),
    ],
)
def test_what_a_terminal_would_show_is_kept(written: str, lines: list[str]) -> None:
    assert [line for line in shown(written) if line or "" in lines] == lines


def test_bars_one_below_the_other_are_one_line_each() -> None:
    inner = "".join(f"\n\rinner {n}\x1b[A" for n in range(5))
    assert shown("outer 1" + inner + "\router 2\n\n") == ["outer 2", "inner 4"]


def test_endless_line_is_broken() -> None:
    assert [len(line) for line in shown("x" * 40000)] == [16384, 16384, 7232]


@given(st.text(alphabet="ab\n\r\b\x1b[A2K;m"), st.data())
def test_it_does_not_matter_where_output_is_cut(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    assert shown(text) == shown(text[:cut], text[cut:])


@given(st.lists(st.text(alphabet="ab\n\r\x1b[AB"), max_size=8), st.integers(1, 6))
def test_lines_that_settled_never_change(pieces: list[str], reach: int) -> None:
    screen, settled = Screen("stdout", count(1)), {}

    for piece in pieces:
        screen.feed(piece)
        newest = max(line.number for line in screen.lines)
        for line in screen.settle(newest - reach):
            assert line.number not in settled
            settled[line.number] = line.text

    assert not settled.keys() & {line.number for line in screen.lines}
