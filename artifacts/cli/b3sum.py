"""B3sum: digests in the lines that the program `b3sum --check` reads."""

from __future__ import annotations

_REFUSED = "\N{REPLACEMENT CHARACTER}"  # b3sum cannot tell it from a name that is not UTF-8


def is_expressible(path: str) -> bool:
    """Whether b3sum would check a file of that name."""
    return _REFUSED not in path


def b3sum_line(path: str, digest: bytes) -> bytes:
    """Source: b3sum 1.2.0, which marks a line with escapes in it by a leading backslash."""
    escaped = path.replace("\\", "\\\\").replace("\n", "\\n")
    mark = "" if escaped == path else "\\"
    return f"{mark}{digest.hex()}  {escaped}\n".encode()
