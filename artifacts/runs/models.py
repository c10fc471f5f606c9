"""Models: histograms of gradients and parameters of what is watched, as it learns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from artifacts.errors import InvalidError
from artifacts.runs.graph import Drawing
from artifacts.runs.values import Plain, histogram

Watched: TypeAlias = Literal["gradients", "parameters", "all"]
Keep: TypeAlias = Callable[[str, dict[str, Plain]], None]
"""Hears of a model's graph, by its name."""
_BINS = 64


class Models:
    """Modules of torch, or of whatever has the same hooks. `log` hears of what is not committed."""

    def __init__(self, log: Callable[[dict[str, Any]], None]) -> None:
        self._log = log
        self._hooked: list[tuple[object, list[Any]]] = []
        self._count = 0

    def watch(
        self,
        model: Any,  # noqa: ANN401
        what: Watched | None,
        every: int,
        number: int | None = None,
        keep: Keep | None = None,
    ) -> None:
        """From now on, of each `every`-th pass; `number` tells a model's keys from another's.

        Its graph is for `keep`, after the first pass. Raises InvalidError for one that is watched
        already.
        """
        if any(each is model for each, _ in self._hooked):
            raise InvalidError("watch: this model is watched already; unwatch it first")
        number = self._count if number is None else number
        self._count += 1
        prefix = f"graph_{number}" if number else ""
        hooks: list[Any] = []
        if what in ("parameters", "all"):
            seen = self._each_parameter(model, f"parameters/{prefix}", _Turn(every))
            hooks.append(model.register_forward_hook(seen))
        if what in ("gradients", "all"):
            hooks += self._gradients(model, f"gradients/{prefix}", every)
        if keep is not None:
            hooks.append(Drawing(model, partial(keep, f"graph_{number}")))
        self._hooked.append((model, hooks))

    def unwatch(self, models: list[Any] | None = None) -> None:
        """These, or all."""
        for hooked in [*self._hooked]:
            if models is None or any(each is hooked[0] for each in models):
                self._hooked.remove(hooked)
                for hook in hooked[1]:
                    hook.remove()

    def _each_parameter(self, model: Any, prefix: str, turn: _Turn) -> Callable[..., None]:  # noqa: ANN401
        def seen(*_: object) -> None:
            if turn.is_now():
                told = {prefix + name: _histogram(each) for name, each in model.named_parameters()}
                self._log(told)

        return seen

    def _gradients(self, model: Any, prefix: str, every: int) -> Iterator[Any]:  # noqa: ANN401
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                yield parameter.register_hook(self._each_gradient(prefix + name, _Turn(every)))

    def _each_gradient(self, key: str, turn: _Turn) -> Callable[[object], None]:
        def seen(gradient: object) -> None:
            if turn.is_now():
                self._log({key: _histogram(gradient)})

        return seen


class _Turn(Struct):
    """Once in so many times."""

    every: int
    seen: int = field(default=0)

    def is_now(self) -> bool:
        self.seen = (self.seen + 1) % max(1, self.every)
        return not self.seen


def _histogram(tensor: Any) -> dict[str, Plain]:  # noqa: ANN401
    """Of its finite members; by NumPy where the program has it, as that is much faster."""
    if getattr(tensor, "is_sparse", False):
        tensor = tensor.coalesce().values()  # of torch
    there = tensor.detach().float().cpu().flatten()
    if (numpy := sys.modules.get("numpy")) is None:
        return histogram([each for each in there.tolist() if abs(each) < float("inf")], _BINS)
    array = numpy.asarray(there).astype("f8")  # or its bins could be too narrow for the type
    counts, edges = numpy.histogram(array[numpy.isfinite(array)], bins=_BINS)
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}
