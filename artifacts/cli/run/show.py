"""Show: what is known of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import age_text, count_text, facts, shown, size_text, table
from artifacts.cli.run.standing import heard_data, state_text
from artifacts.runs import FoundRun, find_run
from artifacts.storage import now

OF_LAST_ROW = ("_step", "_timestamp", "_runtime", "_wandb")
"""What a run keeps in its summary for itself."""
_TOLD_ELSEWHERE = ("id", "path", "name", "config", "step")  # facts that are told elsewhere, or not


@command
@click.argument("run")
def show(call: Call, run: str) -> None:
    """Tell what is known of a run, and how it stands."""
    call.answer(run_data(find_run(call.session, run)), _lines)


def run_data(run: FoundRun) -> dict[str, Any]:
    """All but its rows."""
    state, standing = run.state, run.standing
    return {
        "path": run.path,
        "id": run.id,
        "name": state.facts.get("name") or run.id,
        "state": standing.state,
        "exit_code": state.exit_code,
        "created": state.created_at,
        **heard_data(standing),
        "last_step": state.last_step,
        "lost": state.lost or None,
        "host": _metadata(state.facts).get("host"),
        "facts": {key: value for key, value in state.facts.items() if key not in _TOLD_ELSEWHERE},
        "config": state.config,
        "summary": state.summary,
        "metrics": [*state.metrics.values()],
        "alerts": state.alerts,
        "used": [*map(_use, state.used)],
        "logged": [*map(_use, state.logged)],
        "files": [
            {"name": each.name, "size": each.size, "time": each.time, "blob": str(each.blob)}
            for each in state.files.values()
        ],
        "streams": [
            {
                "stream": stream,
                "rows": sum(each.rows for each in found),
                "segments": len(found),
                "size": sum(each.size for each in found),
            }
            for stream, found in state.segments.items()
        ],
        "store": run.store.url,
    }


def _metadata(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the run's process and machine were, if that was recorded."""
    found = facts.get("metadata")
    return found if isinstance(found, dict) else {}


def _use(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"artifact": said["artifact"], "digest": said["digest"], "as": said.get("as")}


def value_text(value: object) -> str:
    """A value of a config or summary, short enough for a line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    machine = _metadata(data["facts"])
    code = f" (exit code {data['exit_code']})" if data["exit_code"] else ""
    yield from facts(
        [
            ("run", data["path"]),
            ("name", str(data["name"])),
            ("state", f"{state_text(data)}{code}"),
            ("waits", _waiting(data["waits_in"]) if data["waits_in"] else ""),
            ("begun", age_text(data["created"], now())),
            ("heard of", age_text(data["heard"], now())),
            ("last step", "" if data["last_step"] is None else f"{data['last_step']:,}"),
            ("lost", _lost(data["lost"]) if data["lost"] else ""),
            ("host", str(data["host"] or "")),
            *((key, str(machine.get(key, ""))) for key in ("program", "python")),
            *((key, _fact(data["facts"][key])) for key in data["facts"] if key != "metadata"),
            ("store", data["store"]),
        ]
    )
    yield from _section("config", data["config"].items())
    values = ((key, each) for key, each in data["summary"].items() if key not in OF_LAST_ROW)
    yield from _section("summary", values)
    yield from _section(
        "alerts", ((each["title"], each.get("text", "")) for each in data["alerts"])
    )
    yield from _uses("used", data["used"])
    yield from _uses("logged", data["logged"])
    if data["files"]:
        yield from ["", "files"]
        for each in data["files"]:
            yield f"{size_text(each['size']):>10}  {shown(each['name'])}"
    if data["streams"]:
        yield ""
        yield from table(
            ("STREAM", ">ROWS", ">SEGMENTS", ">SIZE"),
            (
                (s["stream"], f"{s['rows']:,}", f"{s['segments']:,}", size_text(s["size"]))
                for s in data["streams"]
            ),
        )


def _waiting(folder: str) -> str:
    return f"{folder} has what is not in the store; `art sync`, or the next run here, brings it"


def _lost(lost: Mapping[str, Any]) -> str:
    steps = f", of steps {lost['first']:,} to {lost['last']:,}" if "first" in lost else ""
    when = age_text(datetime.fromtimestamp(lost["to"], UTC).isoformat(), now())
    reason = "neither the disk nor memory had room"
    return f"{count_text(lost['records'], 'record')}{steps}, {when}: {reason}"


def _fact(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value) if len(value) <= 12 else count_text(len(value), "entry")
    return value_text(value) if value not in (None, "", {}) else ""


def _section(head: str, items: Iterable[tuple[str, object]]) -> Iterator[str]:
    if told := [(f"  {shown(str(key))}", value_text(value)) for key, value in items]:
        yield from ["", head]
        yield from facts(told)


def _uses(head: str, uses: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    if lines := [f"  {each['artifact']}{f' as {a}' if (a := each['as']) else ''}" for each in uses]:
        yield from ["", head, *map(shown, lines)]
