"""Graph: the layers of a model, in the order in which its first pass came through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from artifacts.runs.values import Plain

Drawn: TypeAlias = Callable[[dict[str, Plain]], None]
"""Hears of a graph once it is whole. Source: the file of W&B's `Graph`."""


class Drawing:
    """Of a module of torch, until its first pass is through, or it is removed.

    A layer is a module without others in it. What is done between layers is in no graph.
    """

    def __init__(self, model: Any, drawn: Drawn) -> None:  # noqa: ANN401
        self._drawn = drawn
        self._nodes: list[Plain] = []
        self._hooks = [model.register_forward_pre_hook(self._begin)]
        for name, layer in model.named_modules():
            if not any(True for _ in layer.children()):
                self._hooks.append(layer.register_forward_hook(_seen(name, self._nodes)))
        self._hooks.append(model.register_forward_hook(self._end))

    def remove(self) -> None:
        """Again does nothing."""
        while self._hooks:
            self._hooks.pop().remove()

    def _begin(self, *_: object) -> None:
        self._nodes.clear()  # of a pass that was broken off

    def _end(self, *_: object) -> None:
        self.remove()
        self._drawn({"format": "torch", "nodes": self._nodes, "edges": []})


def _seen(name: str, nodes: list[Plain]) -> Callable[..., None]:
    def seen(layer: Any, _given: object, output: object) -> None:  # noqa: ANN401
        parameters = [*_parameters(layer)]
        node: dict[str, Plain] = {
            "id": len(nodes),
            "name": name,
            "class_name": type(layer).__name__,
            "parameters": [[each, shape] for each, shape, _ in parameters],
            "num_parameters": sum(count for _, _, count in parameters),
            "output_shape": _shape(output),
        }
        nodes.append(node)

    return seen


def _parameters(layer: Any) -> Iterator[tuple[str, Plain, int]]:  # noqa: ANN401
    """Each with its shape, and how many numbers it has."""
    for name, parameter in layer.named_parameters():
        yield name, _shape(parameter), int(parameter.numel())


def _shape(output: Any) -> Plain:  # noqa: ANN401
    """Of a tensor; of several, theirs; None of anything else."""
    if hasattr(output, "shape"):
        return [int(each) for each in output.shape]
    if isinstance(output, Mapping):
        return {str(key): _shape(each) for key, each in output.items()}
    if isinstance(output, list | tuple):
        return [_shape(each) for each in output]
    return None
