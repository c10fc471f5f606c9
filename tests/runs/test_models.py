"""Models: what is watched has histograms in the rows of the run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from artifacts import init, unwatch, watch
from artifacts.errors import InvalidError
from artifacts.runs import Run
from runs.read_back import rows_of, state_of, summary_of

pytestmark = pytest.mark.usefixtures("store")

Hook = Callable[..., object]
Number: TypeAlias = float  # which a tensor has a method of


class Tensor:
    """A parameter or a gradient, as far as torch's are asked anything."""

    def __init__(self, *numbers: Number, requires_grad: bool = True) -> None:
        self.numbers, self.requires_grad = [*numbers], requires_grad
        self.hooks: list[Hook] = []

    def register_hook(self, hook: Hook) -> Handle:
        return Handle(self.hooks, hook)

    def detach(self) -> Tensor:
        return self

    float = cpu = flatten = detach

    def tolist(self) -> list[Any]:
        return self.numbers

    def __array__(self, dtype: object = None, copy: object = None) -> Any:  # noqa: ANN401
        import numpy

        return numpy.array(self.numbers, "f4")  # as torch has them


class Handle:
    def __init__(self, hooks: list[Hook], hook: Hook) -> None:
        self.hooks, self.hook = hooks, hook
        hooks.append(hook)

    def remove(self) -> None:
        self.hooks.remove(self.hook)


class Model:
    """One layer, whose bias does not learn."""

    def __init__(self) -> None:
        self.tensors = {
            "fc.weight": Tensor(0.0, 1.0, float("nan")),
            "fc.bias": Tensor(2.0, requires_grad=False),
        }
        self.hooks: list[Hook] = []

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        yield from self.tensors.items()

    def parameters(self) -> Iterator[Tensor]:
        yield from self.tensors.values()

    def register_forward_hook(self, hook: Hook) -> Handle:
        return Handle(self.hooks, hook)

    def step(self, run: Run, **row: float) -> None:
        """Forward, backward, and a row of the run."""
        for hook in [*self.hooks]:
            hook(self, (), None)
        for hook in [*self.tensors["fc.weight"].hooks]:
            hook(Tensor(*[3.0] * 10, 5.0))
        run.log(row)


def keys_of(run: Run) -> list[set[str]]:
    return [{*row} for _, row in rows_of(run)]


def test_gradients_are_in_the_row_of_their_step() -> None:
    model = Model()
    with init() as run:
        watch(model, log_freq=2)
        for at in range(4):
            model.step(run, loss=at)

    assert keys_of(run) == [{"loss"}, {"loss", "gradients/fc.weight"}] * 2
    value = rows_of(run)[1][1]["gradients/fc.weight"]
    assert value["_type"] == "histogram"
    assert (len(value["values"]), len(value["bins"])) == (64, 65)
    assert (value["values"][0], value["values"][-1], sum(value["values"])) == (10, 1, 11)
    assert (value["bins"][0], value["bins"][-1]) == (3.0, 5.0)


@pytest.mark.parametrize("has_numpy", [True, False])
def test_parameters_are_all_of_a_model(
    has_numpy: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if has_numpy:
        pytest.importorskip("numpy")
    model = Model()
    with init() as run:
        run.watch(model, log="parameters", log_freq=1)
        with monkeypatch.context() as patched:
            if not has_numpy:
                patched.delitem(__import__("sys").modules, "numpy", raising=False)
            model.step(run, loss=1)

    [(_, row)] = rows_of(run)
    assert row.keys() == {"loss", "parameters/fc.weight", "parameters/fc.bias"}
    assert sum(row["parameters/fc.weight"]["values"]) == 2  # without what is not finite
    assert sum(row["parameters/fc.bias"]["values"]) == 1


def test_models_are_told_apart_and_watched_once() -> None:
    one, two = Model(), Model()
    with init() as run:
        run.watch([one, two], log="all", log_freq=1)
        with pytest.raises(InvalidError, match="watched already"):
            run.watch(one)
        two.step(run, loss=1)

    assert keys_of(run) == [
        {
            "loss",
            "gradients/graph_1fc.weight",
            "parameters/graph_1fc.weight",
            "parameters/graph_1fc.bias",
        }
    ]


@pytest.mark.parametrize("numbers", [(1.0, 1 - 2**-24), (-3e38, 3e38), (1e-45, 0.0), (1.0, 1.0)])
def test_numbers_as_near_or_far_as_can_be_have_a_histogram(numbers: tuple[float, float]) -> None:
    pytest.importorskip("numpy")
    model = Model()
    model.tensors["fc.weight"] = Tensor(*numbers)
    with init() as run:
        run.watch(model, log="parameters", log_freq=1)
        model.step(run)

    [(_, row)] = rows_of(run)
    assert sum(row["parameters/fc.weight"]["values"]) == 2


def test_what_is_not_watched_any_more_has_no_hooks() -> None:
    one, two = Model(), Model()
    with init() as run:
        run.watch((one, two), log="all", log_freq=1)
        run.unwatch(one)
        assert not one.hooks
        assert not one.tensors["fc.weight"].hooks
        assert two.hooks
        unwatch()
        assert not two.hooks
        run.watch(one, log_freq=1)

    assert not one.tensors["fc.weight"].hooks  # as its run is over


def test_disabled_run_watches_nothing() -> None:
    model = Model()
    with init(mode="disabled") as run:
        run.watch(model, log="all")
        assert not model.hooks


class Layer(Model):
    """A module of torch, as far as it is asked for its graph."""

    def __init__(self, *layers: tuple[str, Layer], shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.layers, self.shape = dict(layers), shape
        self.before: list[Hook] = []
        self.breaks = False

    def register_forward_pre_hook(self, hook: Hook) -> Handle:
        return Handle(self.before, hook)

    def children(self) -> Iterator[Layer]:
        yield from self.layers.values()

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        yield prefix, self
        for name, layer in self.layers.items():
            yield from layer.named_modules(f"{prefix}.{name}" if prefix else name)

    def forward(self) -> Any:  # noqa: ANN401
        for hook in [*self.before]:
            hook(self, ())
        for layer in self.layers.values():
            output: Any = layer.forward()
        if self.breaks:
            raise MemoryError
        if not self.layers:
            output = Shaped(*self.shape)
        for hook in [*self.hooks]:
            hook(self, (), output)
        return output


class Shaped(Tensor):
    @property
    def shape(self) -> tuple[Number, ...]:
        return tuple(self.numbers)

    def numel(self) -> int:
        return math.prod(map(int, self.numbers))


class Linear(Layer):
    def __init__(self, given: int, wanted: int) -> None:
        super().__init__(shape=(8, wanted))
        self.tensors = {"weight": Shaped(wanted, given), "bias": Shaped(wanted)}


class Silence(Layer):
    """Gives no tensor, but others."""

    def __init__(self) -> None:
        super().__init__()
        self.tensors = {}

    def forward(self) -> Any:  # noqa: ANN401
        for hook in [*self.hooks]:
            hook(self, (), {"a": (Shaped(1), None)})


def net() -> Layer:
    inner = Layer(("0", Linear(4, 2)), ("1", Silence()))
    return Layer(("head", inner), ("tail", Linear(2, 1)))


@pytest.mark.parametrize("log", [None, "gradients"])
def test_graph_is_the_layers_in_the_order_of_the_first_pass(
    log: Literal["gradients"] | None,
) -> None:
    model = net()
    with init() as run:
        run.watch(model, log=log, log_graph=True, idx=3)
        model.breaks = True
        with pytest.raises(MemoryError):
            model.forward()
        model.breaks = False
        for _ in range(2):
            model.forward()
        said = run.summary["graph_3"]
        assert not any(layer.hooks or layer.before for _, layer in model.named_modules())

    assert said == summary_of(run)["graph_3"]
    assert (said["_type"], said["path"]) == ("graph-file", "media/graph/graph_3.graph.json")
    assert state_of(run).files[said["path"]].size == said["size"]
    graph = json.loads(Path(run.dir, said["path"]).read_bytes())
    assert graph["format"] == "torch"
    assert [list(node.values()) for node in graph["nodes"]] == [
        [0, "head.0", "Linear", [["weight", [2, 4]], ["bias", [2]]], 10, [8, 2]],
        [1, "head.1", "Silence", [], 0, {"a": [[1], None]}],
        [2, "tail", "Linear", [["weight", [1, 2]], ["bias", [1]]], 3, [8, 1]],
    ]


def test_graph_of_a_model_that_is_not_watched_any_more_is_not_drawn() -> None:
    model = net()
    with init() as run:
        run.watch(model, log_graph=True)
        run.unwatch(model)
        model.forward()
        assert "graph_0" not in run.summary
        with pytest.raises(TypeError, match="watch wants a torch"):
            run.watch(Model(), log_graph=True)
