"""The house: floors are climbed upwards only, folders entered by their door, rules kept."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FACE = "artifacts"  # the package's own __init__, which resolves its public names lazily
FLOORS = [  # lowest first; parts of one floor are strangers
    {"errors", "door"},
    {"names", "metadata", "progress", "workers", "credentials", "answering"},
    {"options", "companion"},
    {"written"},
    {"settings"},
    {"content"},
    {"storage", "media"},
    {"cache"},
    {"catalog"},
    {"artifact"},
    {"runs"},
    {"query"},
    {"sweeps", "launch", "reports", "sdk", "util"},
    {FACE},
    {"integrations"},
    {"cli", "web"},
    {"testing", "__main__"},
]
LAZILY = "artifacts.door"
UPKEEP = "artifacts.catalog.upkeep"  # twenty modules that few processes need
FLOOR_OF = {part: height for height, floor in enumerate(FLOORS) for part in floor}
THEIRS = {"artifacts.util"}  # as W&B's users know it
MEANINGLESS = {"util", "utils", "core", "common", "helper", "helpers", "base", "manager"}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
PRINTING = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}


@dataclass(frozen=True)
class Module:
    name: str  # artifacts.storage.local; a folder's __init__ has the folder's name
    tree: ast.Module
    is_folder: bool

    @property
    def part(self) -> str:
        """The folder or the top-level module that it belongs to."""
        return part_of(self.name)

    @property
    def doc(self) -> str:
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]


@dataclass(frozen=True)
class Import:
    """`from module import name`, or without a name `import module`."""

    module: str
    name: str = ""

    @property
    def part(self) -> str:
        return part_of(self.module)


def read_module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_folder = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_folder else parts)
    return Module(name, ast.parse(path.read_bytes()), is_folder)


def part_of(module: str) -> str:
    return ".".join(module.split(".")[1:2]) or FACE


def imports(tree: ast.AST) -> Iterator[Import]:
    """Of our own modules, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [Import(alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [Import(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found = [Import(ast.unparse(argument).strip("'")) for argument in node.args]
        else:
            continue
        yield from (resolved(each) for each in found if each.module.split(".")[0] == FACE)


def resolved(found: Import) -> Import:
    """`from artifacts.content import page` imports the module, unless a function is listed so."""
    module = f"{found.module}.{found.name}"
    is_module = module in MODULES and found.name not in listed(found.module)
    return Import(module) if is_module else found


MODULES = {module.name: module for module in map(read_module, sorted(ROOT.glob(f"{FACE}/**/*.py")))}


def each_module(*exempt: str) -> pytest.MarkDecorator:
    """A law for every module, but for those of the exempt parts."""
    bound = {name: module for name, module in MODULES.items() if module.part not in exempt}
    return pytest.mark.parametrize("module", bound.values(), ids=bound)


def test_every_part_has_a_floor() -> None:
    assert {module.part for module in MODULES.values()} <= set(FLOOR_OF)


@each_module(FACE)
def test_module_imports_only_from_its_part_and_from_below(module: Module) -> None:
    upwards = [
        found
        for found in imports(module.tree)
        if found.part != module.part and FLOOR_OF[found.part] >= FLOOR_OF[module.part]
    ]
    assert not upwards


@each_module(FACE, "testing", "__main__")
def test_folder_is_used_through_what_it_lists(module: Module) -> None:
    private = [
        found
        for found in imports(module.tree)
        if found.part not in (module.part, FACE) and not is_listed(found)
    ]
    assert not private


@each_module("cli", "testing")
def test_upkeep_of_a_store_is_loaded_by_its_commands_alone(module: Module) -> None:
    if not module.name.startswith(UPKEEP):
        assert not [found for found in imports(module.tree) if found.module.startswith(UPKEEP)]


def is_listed(found: Import) -> bool:
    if not (ROOT / FACE / found.part).is_dir():
        return True  # a top-level module has no door but itself
    if found.module.startswith(f"{UPKEEP}."):
        return True  # so that a command loads only the job that it does
    if not found.name:
        return MODULES[found.module].is_folder  # the door itself
    return MODULES[found.module].is_folder and found.name in listed(found.module)


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def name_called(call: ast.Call) -> str:
    return ast.unparse(call.func)


def part_below(module: str, folder: Module) -> str:
    """What the folder calls a module in it: loading that puts it in the place of such a name."""
    return module.removeprefix(f"{folder.name}.").partition(".")[0]


def listed(folder: str) -> list[str]:
    """The folder's __all__."""
    for node in MODULES[folder].tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


DOORS = [module for module in MODULES.values() if "lazily" in map(name_called, calls(module.tree))]


@pytest.mark.parametrize("module", DOORS, ids=lambda module: module.name)
def test_door_leads_where_its_imports_say(module: Module) -> None:
    [call] = [call for call in calls(module.tree) if name_called(call) == "lazily"]
    homes = ast.literal_eval(call.args[1])
    led = [(f"{module.name}.{home}", name) for home in homes for name in homes[home].split()]

    assert led == [
        (found.module, found.name) for found in imports(module.tree) if found.module != LAZILY
    ]
    assert sorted(name for _, name in led) == sorted(listed(module.name))
    assert not {name for _, name in led} & {part_below(other, module) for other in MODULES}


@each_module(FACE)
def test_own_modules_are_imported_at_the_top(module: Module) -> None:
    functions = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    hidden = [found for function in functions for found in imports(function)]
    assert not hidden


def test_imports_have_no_cycle() -> None:
    """A folder may show its own modules."""
    graph = {
        module.name: {found.module for found in imports(module.tree)} - {module.name}
        for module in MODULES.values()
        if module.part != FACE
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which shows the cycle


@each_module("settings")
def test_only_settings_read_the_environment(module: Module) -> None:
    reads = [name for node in ast.walk(module.tree) for name in named(node) if name in ENVIRONMENT]
    assert not reads


def named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [ast.unparse(node)]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


@each_module("cli")
def test_only_the_command_line_prints(module: Module) -> None:
    lines = [
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTING
    ]
    assert not lines


@each_module()
def test_module_opens_with_what_it_is(module: Module) -> None:
    form = r"\S.*\." if module.is_folder else r"\w[\w -]*: \S.*\."
    assert re.fullmatch(form, module.doc), f"expected 'Noun: what it is.', found {module.doc!r}"


@each_module()
def test_module_is_named_after_something(module: Module) -> None:
    assert module.name in THEIRS or MEANINGLESS.isdisjoint(re.split(r"[._]", module.name))
