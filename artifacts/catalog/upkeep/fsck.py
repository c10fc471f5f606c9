"""Fsck: the whole store looked through, for what is damaged, missing, strange or of no use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from artifacts.cache import Checked, uncached
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.upkeep.reach import needed
from artifacts.catalog.upkeep.report import Problem, Report
from artifacts.catalog.upkeep.strangers import cache_faults, is_known, strangers
from artifacts.catalog.upkeep.verify import DAMAGED, MISSING, is_there, kind_of, verify_store
from artifacts.errors import ArtifactsError
from artifacts.progress import Progress, Silent
from artifacts.storage import (
    BLOBS,
    LAYOUTS,
    MANIFESTS,
    PAGES,
    Name,
    ObjectStore,
    is_old,
)

LOG, FOREIGN = "log", "foreign"
ORPHAN, CACHE = "orphan", "cache"
FAULTS = frozenset((DAMAGED, MISSING, LOG, FOREIGN))
YOUNG = timedelta(hours=1)  # what is younger may be of a commit that is under way
_OBJECTS = (BLOBS, LAYOUTS, MANIFESTS, PAGES)
_LOG = re.compile(r"(logs/.+?)(?:/[0-9]{12,})?")


class Finding(Struct, frozen=True):
    """`kind` says what; an orphan or a spoiled cache harms nobody. `affected` as in Problem."""

    kind: str
    where: str
    reason: str
    affected: tuple[str, ...] = ()
    is_repaired: bool = False

    @property
    def is_fault(self) -> bool:
        return self.kind in FAULTS and not self.is_repaired


class Checkup(Struct):
    """All that was found, by place; `objects` and `size` bytes were read.

    Without knowing all that versions need nobody knows what they do not: `knows_orphans` is
    false then.
    """

    objects: int
    size: int
    findings: list[Finding] = field(default_factory=list)
    knows_orphans: bool = True


def fsck(
    catalog: Catalog,
    progress: Progress | None = None,
    *,
    executor: Executor | None = None,
    young: timedelta = YOUNG,
    checked: Checked | None = None,
) -> Checkup:
    """Reads every log, version, object and cache of the store, and changes nothing.

    Of objects those that were `checked` and right are not read again.
    """
    store = uncached(catalog.store)
    report = verify_store(catalog, progress, executor=executor, checked=checked)
    found = Checkup(report.objects, report.size, [*_of_report(store, report)])
    found.findings += [Finding(CACHE, key, reason) for key, reason in cache_faults(store)]
    seen = {each.where for each in found.findings}
    found.findings += [
        Finding(FOREIGN, key, "no store of this format has it; move it away")
        for key in strangers(store)
        if key not in seen
    ]
    _find_orphans(store, found, progress or Silent(), young)
    found.findings.sort(key=lambda each: each.where)
    return found


def _of_report(store: ObjectStore, report: Report) -> Iterator[Finding]:
    """What is wrong with a log is told once, with the collections that it takes along."""
    logs: dict[str, Finding] = {}
    names: list[Problem] = []
    for problem in report.problems:
        if match := _LOG.fullmatch(problem.where):
            if is_known(problem.where) or not is_there(store, problem.where):
                logs[match[1]] = Finding(LOG, problem.where, problem.reason)
            continue  # else it is no log's, and found again with the strangers
        if Name.of_key(problem.where) is not None:
            kind = kind_of(store, problem.where)
            yield Finding(kind, problem.where, problem.reason, problem.affected)
        elif problem.where.startswith("cache/"):
            yield Finding(CACHE, problem.where, problem.reason)
        elif not is_there(store, problem.where):
            names.append(problem)
    for problem in names:
        at = next((log for log, each in logs.items() if each.reason == problem.reason), None)
        if at is None:
            yield Finding(LOG, problem.where, problem.reason, problem.affected)
        else:
            affected = dict.fromkeys((*logs[at].affected, problem.where))
            logs[at] = replace(logs[at], affected=tuple(affected))
    yield from logs.values()


def _find_orphans(store: ObjectStore, found: Checkup, progress: Progress, young: timedelta) -> None:
    """Objects that no version needs, unless they are so young that one may need them soon."""
    before = datetime.now(UTC) - young
    try:
        reached = needed(Catalog(store, has_checkpoints=False).logs, progress)
    except ArtifactsError:
        found.knows_orphans = False
        return
    if reached.problems:
        found.knows_orphans = False
        return
    for kind in _OBJECTS:
        for key in store.list(f"{kind}/"):
            name = Name.of_key(key)
            if name is not None and name not in reached and is_old(store, key, before):
                reason = "no version needs it; `art gc` deletes it"
                found.findings.append(Finding(ORPHAN, key, reason))
