"""`art show --b3sums` prints what the real b3sum prints, and what it accepts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from folders import write_tree

from cli.shell import Shell

B3SUM = shutil.which("b3sum")
PATHS = [
    *("plain", "sp ace ", " lead", "-dash", "é☃", "folder/deep/er", "tab\there"),
    *("new\nline", "back\\slash", "both\\n\n", "folder/x\ny", "cr\rmid", "cr\r"),
]

pytestmark = pytest.mark.skipif(
    B3SUM is None and "CI" not in os.environ, reason="b3sum is not installed"
)


@pytest.fixture
def odd(art: Shell) -> Path:
    """A folder of names that have to be written with care, as `art get` made it."""
    write_tree(art.folder / "odd", {path: path.encode() for path in PATHS})
    art.ok("put", "odd", "odd-names")
    art.ok("get", "odd-names", "./out")
    return Path("out")


def b3sum(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [B3SUM or "b3sum", *arguments], input=given, cwd=folder, capture_output=True, check=False
    )


@pytest.mark.parametrize("source", ["odd-names", "./out"])
def test_lines_are_those_that_b3sum_prints(art: Shell, odd: Path, source: str) -> None:
    theirs = b3sum(odd, "--", *PATHS).stdout.splitlines()

    ours = art.ok("show", source, "--b3sums").out.splitlines()

    assert sorted(ours) == sorted(theirs)


@pytest.mark.parametrize("source", ["odd-names", "./out"])
def test_b3sum_accepts_the_lines(art: Shell, odd: Path, source: str) -> None:
    lines = art.ok("show", source, "--b3sums").out

    assert b3sum(odd, "--check", given=lines).returncode == 0


def test_b3sum_finds_what_was_changed(art: Shell, odd: Path) -> None:
    lines = art.ok("show", "./out", "--b3sums").out
    (odd / "back\\slash").write_bytes(b"other")

    checked = b3sum(odd, "--check", "--quiet", given=lines)

    assert checked.returncode == 1
    assert checked.stdout == b"\\back\\\\slash: FAILED\n"


def test_part_of_the_files_can_be_listed(art: Shell, odd: Path) -> None:
    lines = art.ok("show", "odd-names", "--b3sums", "--files", "folder/").out

    assert b3sum(odd, "--check", given=lines).stdout.count(b"OK") == 2


def test_name_that_b3sum_refuses_is_left_out_and_named(art: Shell) -> None:
    refused = "odd\N{REPLACEMENT CHARACTER}"
    folder = write_tree(art.folder / "odd", {refused: b"1", "plain": b"2"})
    art.ok("put", "odd")

    answer = art("show", "odd:v0", "--b3sums")

    assert answer.code == 2
    assert refused in answer.err
    assert b3sum(folder, "--check", given=answer.out).stdout == b"plain: OK\n"
    assert b3sum(folder, "--check", given=b3sum(folder, refused).stdout).returncode == 1
