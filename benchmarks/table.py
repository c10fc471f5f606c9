"""Table: rows and figures beside their bars, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.race import Comparison

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

_ROW_HEAD = (
    "| work | against | CPU s, ours / theirs | CPU ratio | wall s, ours / theirs | wall ratio |",
    "| --- | --- | ---: | --- | ---: | --- |",
)
_STORED_HEAD = (
    "| stored by | against | MB, ours / theirs | ratio |",
    "| --- | --- | ---: | --- |",
)
_FIGURE_HEAD = ("| figure | measured | bar |", "| --- | --- | --- |")


@dataclass(frozen=True, slots=True)
class Row:
    """The product against one rival; a `note` says why there are no figures, or fewer."""

    work: str
    rival: str
    cpu: Comparison | None = None
    cpu_bar: float | None = None
    wall: Comparison | None = None
    wall_bar: float | None = None
    note: str = ""

    def line(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return _line(
            self.work,
            self.rival + note,
            *_cells(self.cpu, self.cpu_bar),
            *_cells(self.wall, self.wall_bar),
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """What a step adds to the product's store, against what it adds to a rival's, in MB."""

    work: str
    rival: str
    size: Comparison
    bar: float | None = None

    def line(self) -> str:
        return _line(self.work, self.rival, *_cells(self.size, self.bar))


@dataclass(frozen=True, slots=True)
class Figure:
    """A value of the product alone, one of each round; its median may be the bar at most."""

    name: str
    unit: str
    bar: float
    values: Sequence[float] = ()
    note: str = ""

    def line(self) -> str:
        bar = f"≤ {_number(self.bar)} {self.unit}"
        if not self.values:
            return _line(self.name, self.note, bar)
        middle = median(self.values)
        spread = _spread(min(self.values), max(self.values)) if len(self.values) > 1 else ""
        note = f" ({self.note})" if self.note else ""
        found = f"**{_number(middle)}** {self.unit}{spread}{note}"
        return _line(self.name, found, _judged(middle, self.bar, bar))


def render(rows: Sequence[str], stored: Sequence[str], figures: Sequence[str]) -> str:
    """The tables, of those lines; an empty one is left out."""
    tables = ((_ROW_HEAD, rows), (_STORED_HEAD, stored), (_FIGURE_HEAD, figures))
    return "\n\n".join("\n".join((*head, *lines)) for head, lines in tables if lines)


def write(readme: Path, text: str) -> bool:
    """Put it between the markers; False if there are none."""
    before, begin, rest = readme.read_text().partition(BEGIN) if readme.exists() else ("", "", "")
    _, end, after = rest.partition(END)
    if not (begin and end):
        return False
    readme.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    return True


def _cells(comparison: Comparison | None, bar: float | None) -> tuple[str, str]:
    if comparison is None:
        return "", ""
    sides = f"{_number(comparison.ours)} / {_number(comparison.theirs)}"
    found = f"**{_number(comparison.ratio)}**{_spread(comparison.low, comparison.high)}"
    judged = _judged(comparison.ratio, bar, f"≤ {bar}") if bar is not None else ""
    return sides, f"{found} {judged}".rstrip()


def _judged(value: float, bar: float, text: str) -> str:
    return f"{text} {'✓' if value <= bar else '✗'}"


def _spread(low: float, high: float) -> str:
    return f" ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
