"""Report: all that is wrong with what was verified, by place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and which paths of which versions it takes with it."""

    where: str
    reason: str
    affected: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """All problems, not the first, one for each place; `objects` and `size` bytes were read."""

    objects: int = 0
    size: int = 0
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
        before = self._problems.get(where, Problem(where, str(reason)))
        more = tuple(each for each in affected if each not in before.affected)
        self._problems[where] = replace(before, affected=before.affected + more)
