"""docs/cli.md has every command, option and exit code, and its examples work."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from folders import write_tree

from artifacts.cli.commands import art as group
from artifacts.cli.failure import EXIT_CODES
from artifacts.cli.options import shared_options
from artifacts.settings import _VARIABLES
from cli.shell import ART, ROOT, Shell

TEXT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0].strip(): part for part in re.split(r"^##+ ", TEXT, flags=re.MULTILINE)
}
EXAMPLES = re.findall(r"^\$ (.*)$", TEXT, re.MULTILINE)
SHARED = {name for option in shared_options() for name in option.opts}


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for each in command.list_commands(context):
        found = command.get_command(context, each)
        assert found is not None
        yield from commands(f"{name} {each}", found)


COMMANDS = dict(commands("art", group))


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_a_section_with_an_example(name: str) -> None:
    assert re.search(rf"^\$ .*\b{name}\b", SECTIONS[name], re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_in_the_section_are_those_of_the_command(name: str) -> None:
    options = {
        text
        for parameter in COMMANDS[name].params
        if isinstance(parameter, click.Option)
        for text in parameter.opts
        if text.startswith("--")
    }

    assert {*re.findall(r"^\| `(--[\w-]+)", SECTIONS[name], re.MULTILINE)} == options - SHARED


def test_variables_of_settings_are_documented() -> None:
    ours = {name for names in _VARIABLES.values() for name in names if name.startswith("ART_")}

    assert {*re.findall(r"`(ART_\w+?)`", SECTIONS["Settings"])} == ours


def test_shared_options_are_documented_once_for_all() -> None:
    section = SECTIONS["Options of every command"]

    assert {*re.findall(r"^\| `(--[\w-]+)", section, re.MULTILINE)} == SHARED


def test_every_command_takes_the_shared_options() -> None:
    for command in (group, *COMMANDS.values()):
        assert {text for parameter in command.params for text in parameter.opts} >= SHARED


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_a_short_sentence(name: str) -> None:
    text = COMMANDS[name].help or ""

    assert re.fullmatch(r"[A-Z].{1,62}\.", text.partition("\n")[0])


def test_table_of_exit_codes_is_true() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", SECTIONS["Exit codes"], re.MULTILINE)
    told = {name: int(code) for code, names in rows for name in re.findall(r"`(\w+)`", names)}

    assert told == {kind.__name__: code for kind, code in EXIT_CODES.items()}


def test_examples_work_one_after_the_other(art: Shell) -> None:
    write_tree(
        art.folder / "data",
        {"train.csv": b"1,2\n" * 4, "test.csv": b"3,4\n" * 4, "labels/train.txt": b"0\n1\n0\n1\n"},
    )
    art_ = f'art() {{ {shlex.join(ART)} "$@"; }}'
    python = f'python() {{ {shlex.quote(sys.executable)} "$@"; }}'
    script = [art_, python, "set -e -o pipefail", *EXAMPLES]

    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=art.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr + done.stdout
