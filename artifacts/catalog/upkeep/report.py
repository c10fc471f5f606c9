"""Report: all that is wrong with what was verified, by place."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from artifacts.errors import MissingBlobError, ObjectNotFoundError


class Problem(Struct, frozen=True):
    """What is wrong, where, and which paths of which versions it takes with it."""

    where: str
    reason: str
    affected: tuple[str, ...] = ()


class Report(Struct):
    """All problems, not the first, one for each place; `objects` and `size` bytes were read.

    So many of the entries of all pages are files, and so many references, of which no byte was.
    """

    objects: int = 0
    size: int = 0
    files: int = 0
    references: int = 0
    _problems: dict[str, Problem] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        """In order of place."""
        return [self._problems[where] for where in sorted(self._problems)]

    @property
    def is_clean(self) -> bool:
        return not self._problems

    def add(self, where: str, reason: object, *affected: str) -> None:
        """What is found first is the reason; whatever is affected counts."""
        before = self._problems.get(where, Problem(where, reason_at(where, reason)))
        more = tuple(each for each in affected if each not in before.affected)
        self._problems[where] = replace(before, affected=before.affected + more)


def reason_at(where: str, reason: object) -> str:
    """What is wrong in a place, without the place, which is told before it."""
    if isinstance(reason, ObjectNotFoundError) and reason.key == where:
        return "nothing is there"
    if isinstance(reason, MissingBlobError) and reason.key == where:
        return f"{reason.path}: its bytes are missing"
    return str(reason).removeprefix(f"{where}: ").removeprefix(f"{where} ")
