from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.runs.capture.transcript import Transcript, console_lines
from runs.capture.recorder import Remembering


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def written() -> Remembering:
    return Remembering()


def test_finished_line_is_told_once(tmp_path: Path, written: Remembering) -> None:
    transcript = Transcript(tmp_path / "output.log", 1, Clock())

    transcript.feed("stdout", "hello\n", written)
    transcript.tell(written)
    transcript.tell(written)

    row = {"session": 1, "line": 1, "stream": "stdout", "text": "hello"}
    assert written.lines == [("console", row)]


def test_bar_is_told_now_and_then_and_as_it_looked_last(
    tmp_path: Path, written: Remembering
) -> None:
    clock = Clock()
    transcript = Transcript(tmp_path / "output.log", 1, clock)

    for clock.now in range(31):
        transcript.feed("stderr", f"\r{clock.now} %", written)
        transcript.tell(written)
    transcript.tell(written, is_last=True)

    assert [row["text"] for row in written.of("console")] == ["15 %", "30 %"]
    assert console_lines(written.of("console")) == ["30 %"]


def test_file_is_whole_while_lines_still_change(tmp_path: Path, written: Remembering) -> None:
    path = tmp_path / "run" / "output.log"
    transcript = Transcript(path, 1, Clock())

    transcript.feed("stdout", "first\nbar 10", written)
    transcript.tell(written)
    assert path.read_text() == "first\nbar 10\n"

    transcript.feed("stdout", "\rbar\x1b[K", written)
    transcript.tell(written)
    assert path.read_text() == "first\nbar\n"


def test_streams_do_not_write_into_each_others_lines(tmp_path: Path, written: Remembering) -> None:
    transcript = Transcript(tmp_path / "output.log", 1, Clock())

    transcript.feed("stderr", "bar 1", written)
    transcript.feed("stdout", "said\n", written)
    transcript.feed("stderr", "\rbar 2\n", written)
    transcript.tell(written, is_last=True)

    assert (tmp_path / "output.log").read_text() == "bar 2\nsaid\n"


def test_nothing_printed_makes_no_file(tmp_path: Path, written: Remembering) -> None:
    Transcript(tmp_path / "output.log", 1, Clock()).tell(written, is_last=True)

    assert not (tmp_path / "output.log").exists()
    assert not written.lines


def test_long_output_is_told_while_it_is_fed(tmp_path: Path, written: Remembering) -> None:
    transcript = Transcript(tmp_path / "output.log", 1, Clock())
    lines = [f"line {number}" for number in range(300_000)]

    transcript.feed("stdout", "\n".join(lines), written)
    transcript.tell(written, is_last=True)

    assert console_lines(written.of("console")) == lines
    assert (tmp_path / "output.log").read_text().splitlines() == lines


OUTPUT = st.tuples(st.sampled_from(["stdout", "stderr"]), st.text("ab\n\r\x1b[A", max_size=20))


@given(st.lists(st.lists(OUTPUT, max_size=4), max_size=6))
def test_rows_and_file_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, str]]]
) -> None:
    written = Remembering()
    path = tmp_path_factory.mktemp("said") / "output.log"
    transcript = Transcript(path, 1, Clock())

    for outputs in rounds:
        for stream, text in outputs:
            transcript.feed(stream, text, written)
        transcript.tell(written)
    transcript.tell(written, is_last=True)

    file = path.read_text().split("\n")[:-1] if path.exists() else []
    assert console_lines(written.of("console")) == file


def test_console_of_a_resumed_run_follows_that_before() -> None:
    rows: list[dict[str, object]] = [
        {"session": 2, "line": 1, "text": "again"},
        {"session": 1, "line": 2, "text": "b"},
        {"session": 1, "line": 1, "text": "a"},
    ]
    assert console_lines(rows) == ["a", "b", "again"]
