"""`art run tail`, `export` and `path` give what was logged."""

import csv
import json
import math
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from artifacts.runs.rows import compaction, segments
from cli.run.experiments import begun, logged, writer_of
from cli.shell import ART, ROOT, Shell

ROWS: list[dict[str, Any]] = [
    {"loss": 1.5, "note": 'a "b",\nc', "ok": True},
    {"loss": math.nan, "n": 7},
    {"n": 8, "box": [1, {"x": -math.inf}]},
    {"other": 1},
]


@pytest.fixture
def run(art: Shell) -> Shell:
    logged("a", ROWS)
    return art


def exported(art: Shell, *arguments: str) -> str:
    return art.ok("run", "export", "a", *arguments).out.decode()


def strict(line: str) -> Any:  # noqa: ANN401 - whatever the line says
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(line, parse_constant=refuse)


def test_json_lines_are_the_rows(run: Shell) -> None:
    rows = [strict(line) for line in exported(run, "--to", "jsonl").splitlines()]

    assert [row.pop("_step") for row in rows] == [0, 1, 2, 3]
    assert all(row.pop("_timestamp") > 10**9 for row in rows)
    plain = [{key: row[key] for key in row if not key.startswith("_")} for row in rows]
    assert plain[1] == {"loss": "NaN", "n": 7}
    assert plain[2] == {"n": 8, "box": [1, {"x": "-Infinity"}]}
    assert (plain[0], plain[3]) == (ROWS[0], ROWS[3])


def test_csv_has_a_column_for_each_key(run: Shell) -> None:
    keys = [f"--key={key}" for key in ("_step", "loss", "note", "ok", "n", "box")]
    rows = [*csv.reader(exported(run, "--to", "csv", *keys).splitlines(keepends=True))]

    assert rows[0] == ["_step", "loss", "note", "ok", "n", "box"]
    assert rows[1] == ["0", "1.5", 'a "b",\nc', "true", "", ""]
    assert rows[2][1] == "NaN"
    assert rows[3] == ["2", "", "", "", "8", '[1,{"x":"-Infinity"}]']


def test_rows_without_any_of_the_keys_are_left_out(run: Shell) -> None:
    assert exported(run, "--to", "jsonl", "--key", "n").splitlines() == ['{"n":7}', '{"n":8}']
    run.ok("run", "export", "a", "--to", "parquet", "--key", "n", "-o", "n.parquet")
    assert pq.read_table(run.folder / "n.parquet").to_pydict() == {"n": [7, 8]}


def test_parquet_of_segments_that_differ_is_one_table(art: Shell) -> None:
    rows = [{"x": n} for n in range(1500)]
    logged("a", rows)
    logged("a", [{"x": 0.5, "y": "text"}], resume="must")

    art.ok("run", "export", "a", "--to", "parquet", "-o", "a.parquet")

    table = pq.read_table(art.folder / "a.parquet")
    assert table.column("x").to_pylist() == [*range(1500), 0.5]
    assert table.column("y").to_pylist() == [*[None] * 1500, "text"]


def test_all_streams_go_to_a_folder(art: Shell) -> None:
    with begun("a") as run:
        run.log({"x": 1})
        writer_of(run).line("system", {"cpu": 0.5})

    told = art.ok("run", "export", "a", "--to", "csv", "-o", "out/", "--json").json

    assert {each["stream"] for each in told} == {"history", "system"}
    assert "cpu" in (art.folder / "out" / "system.csv").read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--to", "parquet"], "-o FILE"),
        (["--to", "csv", "--json"], "leave out --json"),
        (["--to", "csv", "--stream", "gpu"], "has no stream 'gpu'"),
        (["--to", "xml"], "'xml' is not one of"),
        ([], "say --to parquet, csv or jsonl"),
        (["-o", "out/"], "say --to parquet, csv or jsonl"),
        (["-o", "a.txt"], "'a.txt' does not end like any of them"),
        (
            ["--to", "csv", "--key", "n", "--key", "los"],
            "has the key 'los'; there is 'loss'",
        ),
        (
            ["--to", "jsonl", "--key", "qqq", "-o", "out/"],
            "there is '_step', '_timestamp', 'box'",
        ),
        (["--to", "parquet", "-o", "nosuch/a.parquet"], "art: nosuch/a.parquet: No such file"),
    ],
)
def test_what_cannot_be_exported_is_told(run: Shell, arguments: list[str], reason: str) -> None:
    answer = run("run", "export", "a", *arguments)

    assert answer.code == (3 if "nosuch" in reason else 2)
    assert reason in answer.err
    assert answer.err.count("\n") == 1
    assert answer.out == b""


def test_a_failed_export_leaves_nothing(run: Shell) -> None:
    for segment in (run.store / "blobs").rglob("*"):
        if segment.is_file():
            segment.chmod(0o644)
            segment.write_bytes(b"x" * segment.stat().st_size)

    assert run("run", "export", "a", "--to", "csv", "-o", "a.csv").code == 1
    assert not [*run.folder.glob("*a.csv*")]


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_the_name_of_the_file_says_as_what(run: Shell, format_: str) -> None:
    run.ok("run", "export", "a", "-o", f"a.{format_}")
    run.ok("run", "export", "a", "-o", "as.csv", "--to", format_)
    run.ok("run", "export", "a", "-o", f"A.{format_.upper()}")

    whole = Path(f"a.{format_}").read_bytes()
    assert Path("as.csv").read_bytes() == Path(f"A.{format_.upper()}").read_bytes() == whole
    assert whole.startswith({"csv": b"_step,", "jsonl": b"{", "parquet": b"PAR1"}[format_])


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_a_pipe_is_written_into_and_stays_one(run: Shell, format_: str) -> None:
    run.ok("run", "export", "a", "--to", format_, "-o", "whole")
    os.mkfifo("pipe")
    with open(os.open("pipe", os.O_RDONLY | os.O_NONBLOCK), "rb") as pipe:
        told = run.ok("run", "export", "a", "--to", format_, "-o", "pipe", "--json").json
        read = pipe.read()  # it has room for all of it

    assert Path("pipe").is_fifo()
    assert read == Path("whole").read_bytes()
    assert told[0]["size"] == len(read)


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_what_is_exported_to_standard_output_is_not_mixed_with_what_is_told(
    run: Shell, format_: str
) -> None:
    run.ok("run", "export", "a", "--to", format_, "-o", "whole")

    answer = run.process("run", "export", "a", "--to", format_, "-o", "/dev/stdout")
    refused = run.process("run", "export", "a", "--to", format_, "-o", "/dev/stdout", "--json")

    assert (answer.code, answer.out) == (0, Path("whole").read_bytes())
    assert answer.err.startswith("art: /dev/stdout  history, ")
    assert (refused.code, refused.out) == (2, b"")
    assert "what --json tells would go into /dev/stdout, too" in refused.err


@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link", "ours"])
def test_an_open_file_is_written_where_it_is_at(run: Shell, target: str) -> None:
    Path("link").symlink_to("/dev/stdout")
    with Path("rows").open("ab") as file:
        file.write(b"before\n")
        file.flush()
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}" if target == "ours" else target
        command = [*ART, "run", "export", "a", "--to", "csv", "-o", path]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        stdout = subprocess.DEVNULL if target == "ours" else file
        subprocess.run(command, stdout=stdout, env=environment, check=True)
        file.write(b"after\n")

    whole = exported(run, "--to", "csv").encode()
    assert Path("rows").read_bytes() == b"before\n" + whole + b"after\n"
    assert Path("link").readlink() == Path("/dev/stdout")


def test_what_follows_is_written_after_what_was_exported(run: Shell) -> None:
    with Path("rows").open("wb") as file:
        command = [*ART, "run", "export", "a", "--to", "csv", "-o", "/dev/stdout"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, stdout=file, env=environment, check=True)
        file.write(b"after\n")

    assert Path("rows").read_bytes() == exported(run, "--to", "csv").encode() + b"after\n"


@pytest.mark.parametrize("path", ["/dev/fd/none", "/dev/fd/999", "circle"])
def test_what_is_open_nowhere_is_told(run: Shell, path: str) -> None:
    Path("circle").symlink_to("circle")

    answer = run("run", "export", "a", "--to", "csv", "-o", path)

    assert (answer.code, answer.out) == (3 if "none" in path else 6, b"")
    assert answer.err.count("\n") == 1


def test_a_socket_is_refused_and_stays_one(run: Shell) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("sock")
        answer = run("run", "export", "a", "--to", "csv", "-o", "sock")

    assert (answer.code, answer.out) == (2, b"")
    assert "sock is a socket" in answer.err
    assert Path("sock").is_socket()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_goes_on_to_lead_to_what_is_exported(run: Shell, there: bool) -> None:  # noqa: FBT001
    target = run.folder / "elsewhere" / "rows.csv"
    target.parent.mkdir()
    if there:
        target.write_text("before")
    Path("link.csv").symlink_to(target)

    run.ok("run", "export", "a", "--to", "csv", "-o", "link.csv")

    assert Path("link.csv").readlink() == target
    assert target.read_bytes().decode() == exported(run, "--to", "csv")
    assert [*target.parent.iterdir()] == [target]


def test_the_last_rows_are_told(run: Shell) -> None:
    rows = [json.loads(line) for line in run.ok("run", "tail", "a", "-n2", "--json").lines]

    assert [(row["_stream"], row["_step"]) for row in rows] == [("history", 2), ("history", 3)]
    assert run.ok("run", "tail", "a", "-n1").lines[0].endswith("step 3  other=1")
    assert run.ok("run", "tail", "a", "-n0").lines == []


def test_rows_are_told_as_json_has_it(art: Shell) -> None:
    logged("a", [{"x": math.inf, "y": [math.nan]}])

    told = strict(art.ok("run", "tail", "a", "--json").lines[0])
    shown = strict(art.ok("run", "show", "a", "--json").out.decode())["summary"]

    assert (told["x"], told["y"]) == (shown["x"], shown["y"]) == ("Infinity", ["NaN"])


def test_lines_of_the_console_are_told_as_they_were(art: Shell) -> None:
    with begun("a") as run:
        run.log({"x": 1})
        row = {"session": 1, "line": 1, "stream": "stdout", "text": "epoch 1 done"}
        writer_of(run).line("console", row)

    assert art.ok("run", "tail", "a", "--stream", "console").lines == ["epoch 1 done"]
    assert art.ok("run", "tail", "a").lines[0].endswith("step 0  x=1")
    both = art.ok("run", "tail", "a", "--stream", "console", "--stream", "history").lines
    assert both[1:] == ["epoch 1 done"]


def test_streams_of_a_run_without_the_wanted_one_are_told(art: Shell) -> None:
    with begun("a") as run:
        writer_of(run).line("console", {"text": "epoch 1 done"})

    answer = art.ok("run", "tail", "a")

    assert answer.lines == []
    assert "has no rows in history; it has streams: console" in answer.err


def test_every_run_has_a_history_if_only_an_empty_one(art: Shell) -> None:
    begun("quiet").finish()

    for more in ([], ["--stream", "history"], ["--stream", "history", "--json"]):
        answer = art.ok("run", "tail", "quiet", *more)

        assert answer.lines == []
        assert "has no rows in history; it has streams: none" in answer.err
    refused = art("run", "tail", "quiet", "--stream", "history", "--stream", "nope")
    assert (refused.code, refused.out) == (3, b"")
    assert "has no stream 'nope'; it has: none" in refused.err


def test_a_stream_that_a_run_has_not_is_told_with_those_that_it_has(run: Shell) -> None:
    for more in ([], ["--json"], ["-f"], ["--stream", "history"]):
        answer = run("run", "tail", "a", "--stream", "nope", *more)

        assert (answer.code, answer.out) == (3, b"")
        assert "default/proj/a has no stream 'nope'; it has: history" in answer.err


def test_a_run_is_followed_to_its_end(art: Shell) -> None:
    run = begun("a")
    run.log({"x": 1}, commit=True)
    writer_of(run).flush()
    with art.start("run", "tail", "-f", "a", "--json") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        run.log({"x": 2})
        run.finish()
        rest = [json.loads(line) for line in process.stdout]
        process.wait(timeout=300)

    assert process.returncode == 0
    assert (first["x"], [row["x"] for row in rest]) == (1, [2])


@pytest.mark.local
def test_the_paths_can_be_read_without_us(run: Shell) -> None:
    [uri] = run.ok("run", "path", "a").lines

    assert pq.read_table(uri).column("_step").to_pylist() == [0, 1, 2, 3]


def test_what_was_logged_without_pyarrow_is_parquet_for_who_asks_with_it(art: Shell) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (segments, compaction):
            patch.setattr(module, "has_parquet", lambda: False)
        logged("a", ROWS)

    answer = art.ok("run", "path", "a", "--json")

    assert [each["format"] for each in answer.json] == ["parquet"]
    assert len(exported(art, "--to", "jsonl").splitlines()) == len(ROWS)


def test_what_is_not_parquet_is_told(art: Shell) -> None:
    run = begun("a")
    run.log({"x": 1})
    writer_of(run).flush()

    answer = art.ok("run", "path", "a", "--json")

    assert [each["format"] for each in answer.json] == ["jsonl"]
    assert "JSON lines" in answer.err
    assert "it has streams: history" in art.ok("run", "path", "a", "--stream", "gpu").err
