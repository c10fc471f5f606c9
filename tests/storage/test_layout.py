"""Layout: any placement of any page comes back, and no damaged or lying one is believed."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from artifacts.content import Detail, Digest, Kind, Page, Row
from artifacts.errors import IntegrityError, MalformedError
from artifacts.storage import (
    BLOBS,
    LAYOUTS,
    PAGES,
    RAW,
    SOLO,
    Layout,
    Name,
    PageLayout,
    Place,
    Span,
)
from artifacts.storage.codec import ZSTD
from artifacts.storage.layout import MAX_OFFSET, Run

PACKS = [Name(BLOBS, Digest.of(b"pack %d" % n), n % 2) for n in range(4)]
NOT_FILES: list[Row] = [
    (Digest.of(b""), 0, None),
    *(
        (*(detail.derive(size) or (b"", None)), detail)
        for detail, size in (
            (Detail(Kind.FOLDER), None),
            (Detail(Kind.SYMLINK, target="there"), None),
            (Detail(Kind.REFERENCE, uri="s3://b/k"), 99),
            (Detail(Kind.REFERENCE, uri="s3://b/k"), None),
        )
    ),
]


@dataclass
class Placed:
    """A page, where a writer put its contents, and the spans that a reader must be told."""

    page: Page
    places: dict[bytes, Place]
    pieces: dict[bytes, Sequence[Span]]
    expected: list[list[Span]]

    @property
    def layout(self) -> PageLayout:
        return PageLayout.of(self.page, self.places, PACKS, self.pieces)

    def decoded(self) -> PageLayout:
        return PageLayout.decode(self.layout.encode(), self.page, "k")


@st.composite
def placements(draw: st.DrawFn) -> Placed:
    """Files solo, end to end, anywhere, or in pieces; the same content twice; other entries."""
    sizes = draw(st.lists(st.integers(1, 9), max_size=8))
    ends = [0] * len(PACKS)
    places: dict[bytes, Place] = {}
    pieces: dict[bytes, Sequence[Span]] = {}
    rows: list[Row] = [*NOT_FILES]
    spans: dict[bytes, list[Span]] = {}
    for number, size in enumerate(sizes):
        digest = Digest.of(b"content %d" % number)
        rows.append((digest, size, draw(st.sampled_from([None, Detail(mode=0o755)]))))
        how = draw(st.sampled_from(["solo", "next", "next", "anywhere", "pieces"]))
        if how == "pieces":
            pieces[digest] = spans[digest] = draw(cut_up(size))
            continue
        if how == "solo":
            places[digest] = (SOLO, 0)
            spans[digest] = [Span(Name(BLOBS, digest), 0, size, size)]
            continue
        blob = draw(st.integers(0, len(PACKS) - 1))
        offset = ends[blob] if how == "next" else draw(st.integers(0, MAX_OFFSET - 99))
        ends[blob] = offset + size if how == "next" else ends[blob]
        places[digest] = (blob, offset)
        spans[digest] = [Span(PACKS[blob], offset, size, size)]
    chosen = draw(st.lists(st.sampled_from(rows), min_size=1, max_size=12))
    page = Page.of([f"{i:04}" for i in range(len(chosen))], chosen)
    return Placed(page, places, pieces, [spans.get(row[0], []) for row in chosen])


@st.composite
def cut_up(draw: st.DrawFn, size: int) -> list[Span]:
    """Spans that add up to `size`."""
    spans = []
    while size:
        part = draw(st.integers(1, size))
        codec = draw(st.sampled_from([RAW, ZSTD]))
        stored = part if codec == RAW else draw(st.integers(1, 20))
        offset = draw(st.integers(0, MAX_OFFSET - 99))
        spans.append(Span(draw(st.sampled_from(PACKS)), offset, stored, part, codec))
        size -= part
    return spans


def page_of(*sizes: int) -> Page:
    rows: list[Row] = [(Digest.of(b"%d" % n), size, None) for n, size in enumerate(sizes)]
    return Page.of([f"f{n}" for n in range(len(rows))], rows)


PAGE = page_of(10, 20, 0, 30, 40, 50)
GOOD = PageLayout(
    6,
    PACKS[:2],
    [Run(0, 2, 0, 5), Run(3, 1, 1, 0)],
    {4: [Span(PACKS[0], 7, 15, 15), Span(PACKS[1], 9, 11, 25, ZSTD)]},
)


@given(placements())
@settings(deadline=None)
def test_spans_are_where_the_files_were_put(placed: Placed) -> None:
    layout = placed.decoded()

    found = [[*layout.spans(placed.page, i)] for i in range(len(placed.page))]

    assert found == placed.expected


@given(placements(), st.data())
@settings(deadline=None)
def test_extents_cover_each_wanted_file_once_and_no_other(
    placed: Placed, data: st.DataObject
) -> None:
    layout, page = placed.decoded(), placed.page
    stop = data.draw(st.integers(0, len(page)))
    wanted = range(data.draw(st.integers(0, stop)), stop)

    covered = [i for extent in layout.extents(page, wanted) for i in extent.indices]

    whole = [i for i in wanted if placed.expected[i] and i not in layout.pieces]
    assert sorted(covered) == whole


@given(placements())
@settings(deadline=None)
def test_an_extents_files_lie_end_to_end(placed: Placed) -> None:
    for extent in placed.decoded().extents(placed.page, range(len(placed.page))):
        offset = extent.offset
        for index in extent.indices:
            size = placed.page.sizes[index] or 0
            assert placed.expected[index] == [Span(extent.blob, offset, size, size)]
            offset += size


@given(placements())
@settings(deadline=None)
def test_names_are_those_of_the_blobs_that_the_files_need(placed: Placed) -> None:
    needed = {span.blob for spans in placed.expected for span in spans}

    assert placed.decoded().names(placed.page) == needed


@given(placements())
@settings(deadline=None)
def test_equal_placements_have_equal_bytes(placed: Placed) -> None:
    data = placed.layout.encode()

    assert PageLayout.decode(data, placed.page, "k").encode() == data


def test_files_end_to_end_need_one_record_for_all_of_them() -> None:
    page = page_of(*[7] * 1000)
    places: dict[bytes, Place] = {page.digest_at(i): (0, 7 * i) for i in range(1000)}

    assert PageLayout.of(page, places, PACKS, {}).runs == [Run(0, 1000, 0, 0)]


def test_solo_files_need_no_record() -> None:
    page = page_of(*[7] * 1000)
    places: dict[bytes, Place] = {page.digest_at(i): (SOLO, 0) for i in range(1000)}

    assert len(PageLayout.of(page, places, PACKS, {}).encode()) < 100


def with_runs(*runs: Run) -> PageLayout:
    return replace(GOOD, runs=runs, pieces={})


def with_spans(index: int, *spans: Span) -> PageLayout:
    return replace(GOOD, pieces={index: spans})


WHOLE = Span(PACKS[0], 0, 40, 40)
LIES = {
    "fewer entries than the page": replace(GOOD, entries=5),
    "more entries than the page": replace(GOOD, entries=7),
    "runs that overlap": with_runs(Run(0, 2, 0, 0), Run(1, 1, 0, 0)),
    "a run that stands twice": with_runs(Run(0, 2, 0, 0), Run(0, 2, 0, 0)),
    "a run and pieces for one file": replace(GOOD, pieces={1: [Span(PACKS[0], 0, 20, 20)]}),
    "an empty run": with_runs(Run(0, 0, 0, 0)),
    "a run over an empty file": with_runs(Run(0, 4, 0, 0)),
    "a run beyond the page": with_runs(Run(5, 2, 0, 0)),
    "a run behind the page": with_runs(Run(6, 1, 0, 0)),
    "a run far behind the page": with_runs(Run(2**32 - 1, 2**32 - 1, 0, 0)),
    "a run of everything": with_runs(Run(0, 2**32 - 1, 0, 0)),
    "a run in an unknown blob": with_runs(Run(0, 1, 2, 0)),
    "a run at an impossible offset": with_runs(Run(0, 1, 0, MAX_OFFSET + 1)),
    "a run to an impossible offset": with_runs(Run(0, 2, 0, MAX_OFFSET - 15)),
    "pieces of an empty file": with_spans(2),
    "pieces behind the page": with_spans(6, WHOLE),
    "pieces far behind the page": with_spans(2**32 - 1, WHOLE),
    "no pieces": with_spans(4),
    "pieces too short": with_spans(4, replace(WHOLE, stored=39, size=39)),
    "pieces too long": with_spans(4, replace(WHOLE, stored=41, size=41)),
    "a piece of no bytes": with_spans(4, WHOLE, Span(PACKS[0], 0, 0, 0)),
    "a raw piece of another length": with_spans(4, replace(WHOLE, stored=39)),
    "a piece to an impossible offset": with_spans(4, replace(WHOLE, offset=MAX_OFFSET - 39)),
    "a piece of impossible length": with_spans(
        4, replace(WHOLE, codec=ZSTD, stored=MAX_OFFSET + 1)
    ),
    "a blob that no file needs": replace(GOOD, blobs=PACKS[:3]),
    "runs out of order": with_runs(Run(3, 1, 1, 0), Run(0, 2, 0, 5)),
    "two runs for what one can say": with_runs(Run(0, 1, 0, 5), Run(1, 1, 0, 15)),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_layout_that_no_writer_makes_is_refused(lie: PageLayout) -> None:
    with pytest.raises(MalformedError) as caught:
        PageLayout.decode(lie.encode(), PAGE, "layouts/k")

    assert caught.value.name == "layouts/k"


def test_another_pages_layout_is_refused() -> None:
    assert PageLayout.decode(GOOD.encode(), PAGE, "k") == GOOD
    for other in (page_of(10, 20, 0, 30, 41, 50), page_of(10, 0, 20, 30, 40, 50), page_of(10)):
        with pytest.raises(MalformedError):
            PageLayout.decode(GOOD.encode(), other, "k")


def test_any_cut_is_refused() -> None:
    data = GOOD.encode()

    for length in range(len(data)):
        with pytest.raises(MalformedError):
            PageLayout.decode(data[:length], PAGE, "k")


def test_an_addition_is_refused() -> None:
    with pytest.raises(MalformedError):
        PageLayout.decode(GOOD.encode() + b"\0", PAGE, "k")


@given(st.data())
@settings(deadline=None, max_examples=500)
def test_whatever_bytes_are_read_they_are_canonical_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    try:
        layout = PageLayout.decode(bytes(damaged), PAGE, "k")
    except IntegrityError:
        return

    assert layout.encode() == damaged
    for index, size in enumerate(PAGE.sizes):
        assert sum(span.size for span in layout.spans(PAGE, index)) == size


def test_pieces_out_of_order_are_refused() -> None:
    spans = [Span(PACKS[0], 0, 40, 40)], [Span(PACKS[0], 0, 50, 50)]
    good = PageLayout(6, PACKS[:1], (), {4: spans[0], 5: spans[1]}).encode()
    first, second = good[60:101], good[101:]

    PageLayout.decode(good, PAGE, "k")
    with pytest.raises(MalformedError):
        PageLayout.decode(good[:60] + second + first, PAGE, "k")


@pytest.mark.parametrize("counts", [(0, 2**32 - 1, 0), (2**32 - 1, 0, 0), (0, 0, 2**32 - 1)])
def test_counts_are_not_believed(counts: tuple[int, int, int]) -> None:
    data = struct.pack("<8sIIII", b"artspan1", 6, *counts)

    assert peak_of(lambda: PageLayout.decode(data, PAGE, "k")) < 2**20


def test_runs_that_repeat_the_page_do_not_fill_the_memory() -> None:
    page = page_of(*[1] * 4096)
    lie = PageLayout(4096, PACKS[:1], 2_000 * [Run(0, 4096, 0, 0)]).encode()

    assert peak_of(lambda: PageLayout.decode(lie, page, "k")) < 4 * 2**20


def peak_of(refused: Callable[[], object]) -> int:
    """The most memory that was needed to refuse, in bytes."""
    tracemalloc.start()
    with pytest.raises(MalformedError):
        refused()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


DIGESTS = [Digest.of(b"page %d" % n) for n in range(3)]
ROOT = Layout(
    Digest.of(b"manifest"),
    [Name(PAGES, digest, epoch) for epoch, digest in enumerate(DIGESTS)],
    [Name(LAYOUTS, Digest.of(b"layout %d" % n), 2 - n) for n in range(3)],
)


@pytest.mark.parametrize("count", range(4))
def test_a_root_comes_back(count: int) -> None:
    root = Layout(ROOT.manifest, ROOT.pages[:count], ROOT.layouts[:count])

    assert Layout.decode(root.encode(), ROOT.manifest, DIGESTS[:count], "k") == root


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_root_of_another_number_of_pages_is_refused(count: int) -> None:
    with pytest.raises(MalformedError):
        Layout.decode(ROOT.encode(), ROOT.manifest, (2 * DIGESTS)[:count], "k")


def test_a_root_of_another_manifest_is_refused() -> None:
    with pytest.raises(MalformedError):
        Layout.decode(ROOT.encode(), Digest.of(b"other"), DIGESTS, "k")


def test_any_cut_of_a_root_is_refused() -> None:
    data = ROOT.encode()

    for length in range(len(data)):
        with pytest.raises(MalformedError):
            Layout.decode(data[:length], ROOT.manifest, DIGESTS, "k")


def test_a_root_of_another_format_is_refused() -> None:
    with pytest.raises(MalformedError):
        Layout.decode(b"artlayo2" + ROOT.encode()[8:], ROOT.manifest, DIGESTS, "k")


def test_an_impossible_epoch_is_refused() -> None:
    data = ROOT.encode()

    with pytest.raises(MalformedError):
        Layout.decode(data[:-4] + b"\xff" * 4, ROOT.manifest, DIGESTS, "k")
