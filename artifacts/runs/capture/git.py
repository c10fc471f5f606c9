"""Git: the commit that a run's code is of, and what differs from it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from artifacts.runs.capture.credentials import without_credentials

DIFF = "diff.patch"
_LIMIT_S = 5.0  # a call
_LARGEST = 2**24  # bytes of a diff that is kept
_COMMON = (
    "git",
    "--no-optional-locks",  # a commit that somebody makes meanwhile is not disturbed
    "-c",
    "core.fsmonitor=false",  # else what the repository names as such would be run
    "-c",
    "core.quotePath=false",
)
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=diff", "--binary")


class Repository(Struct, frozen=True):
    """What git says of a folder. Whatever it does not say is None."""

    root: Path
    commit: str | None
    branch: str | None
    remote: str | None  # without credentials

    def diff(self) -> bytes:
        """From the commit to the working tree, of files that git tracks; binary ones too.

        Nothing where there is no difference, and where it is larger than 16 MiB or takes too long.
        """
        if not self.commit:
            return b""
        found = _git(self.root, *_DIFF, self.commit) or b""
        return found if len(found) <= _LARGEST else b""


def find_repository(folder: Path, remote: str = "origin") -> Repository | None:
    """None without git, outside of a working tree, or where git refuses to work."""
    root = _line(folder, "rev-parse", "--show-toplevel")
    if root is None:
        return None
    address = _line(folder, "config", "--get", f"remote.{remote}.url")
    branch = _line(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    return Repository(
        Path(root),
        _line(folder, "rev-parse", "--verify", "--quiet", "HEAD"),
        branch,
        without_credentials(address) if address else None,
    )


def _line(folder: Path, *words: str) -> str | None:
    found = _git(folder, *words)
    return found.decode(errors="replace").strip() or None if found else None


def _git(folder: Path, *words: str) -> bytes | None:
    """None if it fails, is not there, or takes longer than it may."""
    import subprocess  # here, since a run begins without it

    try:
        done = subprocess.run(
            [*_COMMON, *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
