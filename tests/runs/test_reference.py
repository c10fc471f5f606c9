"""Reference: what W&B's runs offer is in docs/reference-runs.md, with its test, as theirs is."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from named_tests import ROOT, functions, rows_of

import artifacts
from artifacts.runs import AlertLevel, Config, Metric, Run, RunStatus, Summary
from artifacts.settings import Settings

PAGE = (ROOT / "docs" / "reference-runs.md").read_text()
ROWS = rows_of(PAGE)
REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text())
SETTING = re.compile(r"^\| `(\w+)` \| ([^|`][^|]+|`\w+`[^|]*|.*`.*) \|$", re.MULTILINE)
OURS: Mapping[str, type] = {
    "AlertLevel": AlertLevel,
    "Config": Config,
    "Metric": Metric,
    "Run": Run,
    "RunStatus": RunStatus,
    "Settings": Settings,
    "Summary": Summary,
}
OF_ARTIFACTS = re.compile(r"artifact|_model")  # in docs/reference.md
NOT_OURS: Mapping[str, str] = {
    name: reason
    for names, reason in {
        "attach": "a run belongs to one process",
        "ensure_configured load_ipython_extension sagemaker_auth set_trace termsetup": (
            "how their SDK sets up its own process and account"
        ),
    }.items()
    for name in names.split()
}
OF_THEIR_SETTINGS = re.compile(
    r"validate_|to_proto|catch_private|update_from_(system|workspace)|_url$|_dir$|_file$|_fname$"
    r"|log_|sync_|is_local|deployment|run_mode|settings_workspace|timespec|colab"
)
"""Checks, files and addresses of their server and process: `run.dir` and `run.url` are ours."""


def members() -> Iterator[tuple[str, str, Any]]:
    for owner, facts in REFERENCE["classes"].items():
        for member, told in {**facts["members"], **facts.get("enum", {})}.items():
            is_theirs = owner == "Settings" and OF_THEIR_SETTINGS.search(member)
            if not is_theirs and not (owner == "Run" and OF_ARTIFACTS.search(member)):
                yield owner, member, told


def names() -> Iterator[str]:
    yield from (name for name in REFERENCE["functions"] if name not in NOT_OURS)
    yield from (f"{owner}.{member}" for owner, member, _ in members())


def parameters(call: object) -> list[tuple[str, str | None]]:
    found = inspect.signature(call).parameters  # type: ignore[arg-type]
    return [
        (each.name, None if each.default is each.empty else repr(each.default))
        for each in found.values()
        if each.name != "self"
    ]


def test_every_name_of_theirs_is_in_the_table() -> None:
    assert ROWS.keys() == set(names())


@pytest.mark.parametrize("name", sorted(ROWS))
def test_test_that_is_named_is_there_and_speaks_of_it(name: str) -> None:
    file, test = ROWS[name]

    assert test in functions(file)
    member = name.rpartition(".")[2]
    if not member.startswith("__"):
        source = (ROOT / file).read_text()
        assert re.search(rf"\b{member}\b", functions(file)[test]) or member in source


@pytest.mark.parametrize("name", [name for name in REFERENCE["functions"] if name not in NOT_OURS])
def test_function_takes_what_theirs_takes(name: str) -> None:
    theirs = [*REFERENCE["functions"][name].items()]

    ours = parameters(getattr(artifacts, name))
    assert [fact[0] for fact in ours] == [fact[0].lstrip("*") for fact in theirs]
    assert [default for _, default in ours] == [default for _, default in theirs]


@pytest.mark.parametrize(("owner", "member", "told"), [*members()])
def test_member_is_what_theirs_is(owner: str, member: str, told: Any) -> None:  # noqa: ANN401
    ours = inspect.getattr_static(OURS[owner], member)
    if isinstance(told, dict):
        callable_ours = getattr(OURS[owner], member)
        theirs = [(name.lstrip("*"), default) for name, default in told.items()]
        found = parameters(callable_ours)
        assert [name for name, _ in found] == [name for name, _ in theirs]
        for (_, default), (_, other) in zip(found, theirs, strict=True):
            assert default == other or str(default).startswith("<function ")
    elif owner == "AlertLevel":
        assert repr(getattr(AlertLevel, member).value) == told
    else:
        assert isinstance(ours, property) or inspect.ismemberdescriptor(ours)


def test_every_setting_says_what_it_does_here() -> None:
    said = dict(SETTING.findall(PAGE.partition("## Settings")[2]))

    assert said.keys() - {"setting"} == REFERENCE["classes"]["Settings"]["fields"].keys()
    assert all(len(text) > 5 for text in said.values())
