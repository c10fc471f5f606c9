"""art cache: what lies here, whether it is sound, and less of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.cache import Copies
from artifacts.content import Digest
from artifacts.storage import BLOBS, PAGES, Name, encode
from cli.shell import Shell

BLOB, PART, PAGE = b"blob" * 100, b"part" * 100, b"page"
BLOB_KEY = Name(BLOBS, Digest.of(BLOB)).key
PART_KEY = Name(BLOBS, Digest.of(b"pack")).key
PAGE_KEY = Name(PAGES, Digest.of(PAGE)).key


@pytest.fixture
def copies(art: Shell) -> Copies:
    """A cache with a whole blob, a part of another one and a page."""
    copies = Copies(art.folder / "cache" / "copies", 10**9)
    copies.put(BLOB_KEY, BLOB)
    copies.put_part(PART_KEY, 7, PART)
    copies.put(PAGE_KEY, encode(PAGE))
    return copies


def size_of(copies: Copies) -> int:
    return sum(copy.size for copy in copies)


def test_an_empty_cache_is_told_of_too(art: Shell) -> None:
    assert art.ok("cache", "info", "--json").json["size"] == 0
    assert art.ok("cache", "verify", "--json").json == {"copies": 0, "size": 0, "damaged": []}
    assert art.ok("cache", "evict", "--to", "0", "--json").json["left"] == 0
    assert art.ok("cache", "clear").code == 0


def test_info_tells_folder_limit_and_sizes(art: Shell, copies: Copies) -> None:
    answer = art.ok("cache", "info", "--json").json

    assert answer["folder"] == copies.folder
    assert answer["limit"] == 50 * 10**9
    assert answer["size"] == size_of(copies)
    assert [(each["kind"], each["count"]) for each in answer["copies"]] == [
        ("blobs", 2),
        ("pages", 1),
    ]
    assert copies.folder in art.ok("cache", "info").out.decode()


def test_the_limit_is_a_setting(art: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ART_CACHE_SIZE", "10GB")
    assert art.ok("cache", "info", "--json").json["limit"] == 10**10

    monkeypatch.setenv("ART_CACHE_SIZE", "much")
    assert art("cache", "info").code == 2


@pytest.mark.parametrize("damaged", [BLOB_KEY, f"{PART_KEY}~7", PAGE_KEY])
def test_verify_names_what_is_damaged_and_repairs_nothing(
    art: Shell, copies: Copies, damaged: str
) -> None:
    assert art.ok("cache", "verify", "--json").json["copies"] == 3
    path = Path(copies.folder, "objects", damaged)
    data = bytearray(path.read_bytes())
    data[1] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)  # a disk that forgets changes no mode

    for _ in range(2):
        answer = art("cache", "verify", "--json")
        assert (answer.code, answer.json["damaged"]) == (1, [damaged])
    assert art("cache", "verify").lines[0] == f"damaged: {damaged}"


def test_what_does_not_belong_there_is_damage(art: Shell, copies: Copies) -> None:
    (Path(copies.folder) / "objects" / "notes.txt").write_text("mine")

    assert art("cache", "verify", "--json").json["damaged"] == ["notes.txt"]


def test_evict_leaves_so_much(art: Shell, copies: Copies) -> None:
    answer = art.ok("cache", "evict", "--to", "0.5kB", "--json").json

    assert answer["left"] == size_of(copies) <= 500
    assert answer["deleted"] > 0


@pytest.mark.parametrize("size", ["much", "-1", "10XB"])
def test_evict_refuses_what_is_no_size(art: Shell, copies: Copies, size: str) -> None:
    answer = art("cache", "evict", "--to", size)

    assert answer.code == 2
    assert "10GB" in answer.err
    assert size_of(copies) > 500


def test_clear_leaves_nothing_but_what_is_in_use(art: Shell, copies: Copies, data: Path) -> None:
    art.ok("put", str(data), "mnist")
    assert copies.open(BLOB_KEY) is not None  # and is not closed

    art.ok("cache", "clear", "--json")

    assert size_of(copies) == len(BLOB)
    assert art.ok("cache", "info", "--json").json["digests"] == 0
    assert art.ok("get", "mnist", "./again").code == 0


@pytest.mark.local
def test_get_links_large_files_to_copies(art: Shell, mnist: str) -> None:
    for folder in ("one", "two"):
        art.ok("get", mnist, f"./{folder}", "--link")

    large = [art.folder / folder / "sub" / "large.bin" for folder in ("one", "two")]
    assert large[0].samefile(large[1])
    assert art.ok("verify", "./two").code == 0
    assert art.ok("cache", "info", "--json").json["size"] == large[0].stat().st_size


def test_get_reads_the_store_itself_if_asked(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./one", "--skip-cache")

    assert art.ok("verify", "./one").code == 0
