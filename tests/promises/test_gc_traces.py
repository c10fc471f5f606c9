"""The real collector and real writers do what the model does, step by step, and lose nothing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from gc_model import Model, Size
from gc_world import SIZE, World
from scene import memory_disk

from artifacts.cache import large

RUNS = max(16, int(os.environ.get("SEEDS", "0")))
MOST_STEPS = 50


@pytest.mark.local
def test_whatever_real_writers_and_collectors_do_the_model_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The world compares itself with the model after each step."""
    monkeypatch.setattr(large, "SOLO_BYTES", SIZE)
    model = Model(size=Size(generations=2, collectors=2))
    seen: Counter[str | None] = Counter()
    with memory_disk(tmp_path) as disk:
        for seed in range(RUNS):
            world = World(disk / str(seed), model, Random(seed))
            seen.update(world.act() for _ in range(MOST_STEPS))

    assert {"late put", "late delete", "gc1 sweeps and dies", "gc0 dies"} <= seen.keys()
    assert {"w1 commits to 1", "w0 commits to 0", "drop w1", "gc1 fences 1"} <= seen.keys()
