"""Verify: a folder, a version or the whole store compared with the digests it should have."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from artifacts import catalog
from artifacts.cache import Findings, audit, digest_of
from artifacts.catalog import upkeep
from artifacts.cli.arguments import as_folder, parse_target
from artifacts.cli.call import Call
from artifacts.cli.claim import Claim, claim_of
from artifacts.cli.junit import write_junit
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, shown, size_text
from artifacts.cli.workers import executor_of, executor_option
from artifacts.content import Digest
from artifacts.errors import UsageError, VerificationError
from artifacts.storage import ObjectStore

_FILE = click.Path(dir_okay=False, path_type=Path)
_NAMED = 5  # references that were left out; --json has them all


@command
@click.argument("target", metavar="[DIR|NAME]", required=False)
@click.option("--all", "is_all", is_flag=True, help="The whole store: every byte that lies in it.")
@click.option("--against", metavar="NAME", help="Trust this version of the store, not the receipt.")
@click.option("--digest", metavar="HEX", help="What was got must be the artifact of this digest.")
@click.option("--junit", metavar="FILE", type=_FILE, help="Write a report as JUnit XML, too.")
@executor_option
def verify(  # noqa: PLR0913 - one parameter for each option
    call: Call,
    target: str | None,
    *,
    is_all: bool,
    against: str | None,
    digest: str | None,
    junit: Path | None,
    executor: str | None,
) -> None:
    """Compare a folder, a version or the store with its digests.

    A folder is written with ./, ../, ~/ or / and compared with the receipt in it, offline; all
    missing, changed and unexpected files are listed. With NAME the version's bytes in the store
    are read, with --all the whole store, but not what references lead to: those that were not
    read are counted. Nothing is changed or repaired.
    """
    wanted = Digest.parse(digest) if digest else None
    if is_all:
        _refuse(target or against or digest, "--all reads the whole store; leave out the rest")
        _answer(call, _verify_store(call, executor), junit)
        return
    if target is None:
        raise UsageError("name what to verify: a folder as ./DIR, a version, or --all")
    what = parse_target(target, call.settings)
    if isinstance(what, Path):
        claim = claim_of(call, what, against, wanted)
        _answer(call, _verify_folder(call, what, claim, wanted, executor), junit)
    else:
        _refuse(against, "--against is for folders; write ./DIR for one")
        version = call.session.catalog.resolve(what)
        _answer(call, _verify_version(call, version, wanted, executor), junit)


def _refuse(given: str | None, reason: str) -> None:
    if given:
        raise UsageError(reason)


def _verify_folder(
    call: Call, root: Path, claim: Claim, wanted: Digest | None, executor: str | None
) -> dict[str, Any]:
    began = time.monotonic()
    progress = call.progress(f"verify {root.name}")
    with executor_of(executor) as workers, progress:
        findings = audit(
            root,
            claim.files,
            progress,
            executor=workers,
            unproven=claim.unproven,
            details=claim.details,
            in_place=True,
        )
    return {
        "target": as_folder(root),
        "against": claim.source,
        "artifacts": [{"name": n, "digest": d.hex()} for n, d in claim.artifacts],
        "files": findings.checked,
        "size": findings.size,
        "unread_references": len(claim.unproven) - _absent(findings),
        "left_out": sorted(claim.left_out),
        "problems": [
            *_artifact_problems(claim.artifacts, wanted),
            *_file_problems(root, findings),
        ],
        "seconds": round(time.monotonic() - began, 3),
    }


def _absent(findings: Findings) -> int:
    """How many are missing of whose bytes nothing is known."""
    return sum(digest is None for _, digest in findings.missing)


def _artifact_problems(
    artifacts: Sequence[tuple[str, Digest | None]], wanted: Digest | None
) -> Iterator[dict[str, Any]]:
    """Every artifact has to be the wanted one: the files of another would be proved by nothing."""
    if wanted is None:
        return
    for name, digest in artifacts or [("no artifact at all", None)]:
        if digest != wanted:
            yield _problem("other artifact", name, wanted, digest)


def _file_problems(root: Path, findings: Findings) -> Iterator[dict[str, Any]]:
    for path, digest in findings.missing:
        yield _problem("missing", path, digest, None)
    for each in findings.changed:
        yield _problem("changed", each.path, each.expected, each.found)
    for path in findings.unexpected:
        yield _problem("unexpected", path, None, digest_of(str(root / path)))
    for path, fault in findings.differing:
        yield _problem("differing", f"{path} {fault}", None, None)


def _problem(
    kind: str, where: str, expected: Digest | None, found: Digest | None
) -> dict[str, Any]:
    return {
        "kind": kind,
        "where": where,
        "expected": expected and expected.hex(),
        "found": found and found.hex(),
    }


def _verify_version(
    call: Call, version: catalog.Version, wanted: Digest | None, executor: str | None
) -> dict[str, Any]:
    began = time.monotonic()
    progress = call.progress(f"verify {version.name}")
    with executor_of(executor) as workers, progress:
        report = upkeep.verify_version(version, progress, executor=workers)
    names = [(version.qualified_name, version.digest)]
    return {
        "target": version.qualified_name,
        "against": f"its digest {version.digest}",
        "files": report.files,
        "size": report.size,
        "unread_references": report.references,
        "problems": [*_artifact_problems(names, wanted), *_stored_problems(version.store, report)],
        "seconds": round(time.monotonic() - began, 3),
    }


def _verify_store(call: Call, executor: str | None) -> dict[str, Any]:
    began = time.monotonic()
    whole = call.session.catalog
    progress = call.progress("verify the store")
    with executor_of(executor) as workers, progress:
        report = upkeep.verify_store(whole, progress, executor=workers)
    return {
        "target": whole.store.url,
        "against": "every digest in it",
        "objects": report.objects,
        "size": report.size,
        "problems": [*_stored_problems(whole.store, report)],
        "seconds": round(time.monotonic() - began, 3),
    }


def _stored_problems(store: ObjectStore, report: upkeep.Report) -> Iterator[dict[str, Any]]:
    for each in report.problems:
        yield {
            "kind": upkeep.kind_of(store, each.where),
            "where": each.where,
            "reason": each.reason,
            "affected": [*each.affected],
        }


def _answer(call: Call, data: dict[str, Any], junit: Path | None) -> None:
    """Raises VerificationError if there are problems, once all of them are told."""
    problems = [*map(_problem_line, data["problems"])]
    if junit is not None:
        write_junit(junit, data, problems)
    if not problems:
        call.tell(data, _summary)
        return
    call.answer(data, lambda _: problems)
    raise VerificationError(data["target"], problems)


def _problem_line(problem: Mapping[str, Any]) -> str:
    where = f"{problem['kind']}: {shown(problem['where'])}"
    if "reason" in problem:
        affected = ", ".join(problem["affected"])
        return f"{where}: {shown(problem['reason'])}" + (
            f" [{shown(affected)}]" if affected else ""
        )
    if problem["kind"] == "differing":
        return where
    digests = [f"{word} {problem[word]}" for word in ("expected", "found") if problem[word]]
    if not digests and problem["kind"] == "missing":
        return where
    return f"{where} ({', '.join(digests) or 'not a file'})"


def _summary(data: Mapping[str, Any]) -> Iterator[str]:
    noun = "file" if "files" in data else "object"
    count, size = count_text(data[f"{noun}s"], noun), size_text(data["size"])
    took = duration_text(data["seconds"])
    yield f"{shown(data['target'])}  verified against {data['against']}: {count}, {size}, {took}"
    if unread := data.get("unread_references"):
        yield f"  {count_text(unread, 'reference')} {_why_unread(data)}"
    if left_out := data.get("left_out"):
        names = ", ".join([*map(shown, left_out[:_NAMED]), *["…"][: len(left_out) > _NAMED]])
        yield f"  {count_text(len(left_out), 'reference')} left out when it was delivered: {names}"
    for artifact in data.get("artifacts", ()):
        yield f"  {artifact['name']}  {artifact['digest']}"


def _why_unread(data: Mapping[str, Any]) -> str:
    if "artifacts" in data:  # a folder
        return "not compared: nothing says what bytes they should have"
    return "not read: their bytes lie elsewhere, and are compared by `art get`"
