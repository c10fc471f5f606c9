"""History: rows of five scalars logged by the product and by its peers, and read back."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import peers, product
from benchmarks.bench import Bench
from benchmarks.contender import Contender
from benchmarks.data import MIB
from benchmarks.process import OUTPUT, ProgramFailedError
from benchmarks.report import Report
from benchmarks.table import Figure

_ROWS, _MANY_ROWS, _SMALL = 20_000, 1_000_000, 50
_SLOW = 100  # MLflow does so many times fewer rows

_TIMED = """\
import array, json, sys, time
rows = int(sys.argv[1])
def timed(log):
    taken, now = array.array("Q", bytes(8 * rows)), time.perf_counter_ns
    for step in range(rows):
        values = {"loss": 1 / (step + 1), "accuracy": step * 1e-6, "rate": 1e-3}
        values |= {"norm": step % 97 / 7, "reward": step * 0.5}
        started = now()
        log(step, values)
        taken[step] = now() - started
    taken = sorted(taken)
    return {"median": taken[rows // 2] / 1e3, "late": taken[rows * 99 // 100] / 1e3}
"""
_OURS = """\
import artifacts
run = artifacts.init(project="bench", id="history")
figures = timed(lambda step, values: run.log(values))
run.finish()
print()
print(json.dumps(figures))
"""
_READ = """\
import json, time
from artifacts.catalog import Session
from artifacts.runs.rows.history import columns, scan
from artifacts.settings import Settings
session = Session(Settings.load())
started = time.perf_counter()
state = session.catalog.run(session.settings.entity, "bench", "history").state
count = sum(1 for _ in scan(state, session.catalog.store))
all_s = time.perf_counter() - started
started = time.perf_counter()
assert len(columns(state, session.catalog.store, ["loss"])["loss"]) == count
print()
print(json.dumps({"all": all_s, "one": time.perf_counter() - started, "rows": count}))
"""
_WANDB = """\
import wandb
run = wandb.init(project="bench", mode="offline")
figures = timed(lambda step, values: run.log(values))
run.finish()
print()
print(json.dumps(figures))
"""
_TRACKIO = """\
import trackio
trackio.init(project="bench")
figures = timed(lambda step, values: trackio.log(values))
trackio.finish()
print()
print(json.dumps(figures))
"""
_MLFLOW = """\
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
with mlflow.start_run():
    figures = timed(lambda step, values: mlflow.log_metrics(values, step=step))
print()
print(json.dumps(figures))
"""
_TENSORBOARD = """\
from tensorboardX import SummaryWriter
writer = SummaryWriter("{place}/store")
def log(step, values):
    for name, value in values.items():
        writer.add_scalar(name, value, step)
figures = timed(log)
writer.close()
print()
print(json.dumps(figures))
"""


@dataclass(frozen=True, slots=True)
class _Peer:
    """By whose calls ours are judged: ours may take so many times theirs at most."""

    name: str
    distribution: str
    program: str
    bar: float
    share: int = 1


_PEERS = (
    _Peer("wandb offline", "wandb", _WANDB, 0.125),
    _Peer("trackio", "trackio", _TRACKIO, 1),
    _Peer("MLflow", "mlflow", _MLFLOW, 1, _SLOW),
    _Peer("TensorBoard (tensorboardX)", "tensorboardX", _TENSORBOARD, 1),
)


def log(bench: Bench) -> Report:
    """Rows of five scalars, one call each; what a call takes, all of it, and reading it back."""
    rows = _ROWS // _SMALL if bench.is_small else _ROWS
    ours, note = _rounds(bench, _logging("product log", _OURS, rows))
    title = f"log {rows:,} rows of 5 scalars"
    figures = [
        Figure(f"{title}: median of a call", "µs", 10, [each["median"] for each in ours], note),
        Figure(f"{title}: 99th percentile", "µs", 100, [each["late"] for each in ours], note),
    ]
    for peer in _PEERS:
        theirs, note = _rounds(bench, _peer(peer, rows))
        ratios = [one["median"] / other["median"] for one, other in zip(ours, theirs, strict=False)]
        if theirs:
            note = f"theirs takes {median(each['median'] for each in theirs):.1f} µs"
        name = f"{title}: a call, over {peer.name}"
        figures.append(Figure(name, "times", peer.bar, ratios, note))
    return Report(figures=[*figures, *_many(bench)])


def _many(bench: Bench) -> Sequence[Figure]:
    rows = _MANY_ROWS // _SMALL if bench.is_small else _MANY_ROWS
    found, note = _rounds(bench, _reading(rows))
    title = f"log {rows:,} rows of 5 scalars"
    told = (
        (f"{title}, whole process", "wall", 1, "s", 25),
        (f"{title}: peak memory", "peak", 1 / MIB, "MiB", 300),
        (f"read {rows:,} rows back", "all", 1, "s", 2),
        (f"read one column of {rows:,} rows", "one", 1, "s", 0.5),
    )
    return [
        Figure(name, unit, bar, [each[key] * scale for each in found], note)
        for name, key, scale, unit, bar in told
    ]


def _logging(name: str, program: str, rows: int) -> Contender:
    step = (sys.executable, "-c", _TIMED + program, str(rows))
    return product.contender(name, (step,))


def _reading(rows: int) -> Contender:
    steps = ((sys.executable, "-c", _TIMED + _OURS, str(rows)), (sys.executable, "-c", _READ))
    return product.contender("product log and read", steps)


def _peer(peer: _Peer, rows: int) -> Contender:
    return Contender(
        name=peer.name,
        steps=(("python3", "-c", _TIMED + peer.program, str(max(100, rows // peer.share))),),
        environment=_QUIET,
        missing=peers.without_distribution(peer.distribution),
    )


_QUIET = {
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "TRACKIO_DIR": "{place}/store",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}


def _rounds(bench: Bench, contender: Contender) -> tuple[list[Mapping[str, float]], str]:
    """Of each round what the program printed last, with its wall time and memory; or why not."""
    if contender.missing:
        return [], contender.missing
    try:
        return [_round(bench, contender) for _ in range(bench.rounds)], ""
    except ProgramFailedError as error:
        return [], f"failed, {error}"


def _round(bench: Bench, contender: Contender) -> Mapping[str, float]:
    place = bench.scratch.place("history")
    try:
        usage, *_ = contender.run_at(place)
        lines = (place / OUTPUT).read_text().splitlines()
    finally:
        bench.scratch.release(place)
    printed: dict[str, float] = json.loads(next(each for each in lines[::-1] if each[:1] == "{"))
    return {**printed, "wall": usage.wall_s, "peak": usage.peak_bytes}
