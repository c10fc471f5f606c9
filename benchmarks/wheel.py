"""Wheel: two releases of a package as data, as the package index has them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.data import MIB, DataSet, File
from benchmarks.process import ProgramFailedError

_HASHES = {
    "19.0.0": "be686bf625aa7b9bada18defb3a3ea3981c1099697239788ff111d87f04cd263",
    "19.0.1": "49a3aecb62c1be1d822f8bf629226d4a96418228a42f5b40835c1f10d42e4db6",
}
RELEASES = tuple(_HASHES)

_PLATFORM = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64")


def pyarrow(release: str) -> DataSet:
    """A wheel unpacked: some 800 files of 138 MB, most of it in machine code."""
    return DataSet(f"pyarrow-{release}", f"pyarrow {release}", lambda: _unpacked(release))


def _unpacked(release: str) -> Iterator[File]:
    with TemporaryDirectory(prefix="art-bench-") as folder:
        wheel = zipfile.ZipFile(_fetch(release, Path(folder)))
        files = [info for info in wheel.infolist() if not info.is_dir()]
        for info in files:
            yield info.filename, iter(partial(wheel.open(info).read, MIB), b"")


def _fetch(release: str, folder: Path) -> Path:
    """Raises ProgramFailedError."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"pyarrow=={release} --hash=sha256:{_HASHES[release]}\n")
    argv = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:")
    told = (*argv, *_PLATFORM, "--dest", str(folder), "--requirement", str(wanted))
    done = subprocess.run(told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProgramFailedError(f"pip download: {done.stderr.strip()[-300:]}")
    [wheel] = folder.glob("*.whl")
    return wheel
