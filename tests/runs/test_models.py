"""Models: what is watched has histograms in the rows of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from artifacts import init, unwatch, watch
from artifacts.errors import InvalidError
from artifacts.runs import Run
from runs.read_back import rows_of

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
