"""Standing: how a run stands, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from artifacts.cli.output import age_text
from artifacts.runs import Standing
from artifacts.storage import now


def heard_data(standing: Standing) -> dict[str, str | None]:
    """When a run was heard of last, and where on this machine waits what the store lacks."""
    waits_in = standing.waits_in
    return {"heard": standing.heard_at, "waits_in": str(waits_in) if waits_in else None}


def state_text(data: Mapping[str, Any]) -> str:
    """Its state; of one that should have been heard of since, when it was last."""
    heard = datetime.fromisoformat(data["heard"])
    if Standing(data["state"], heard.timestamp()).is_silent(now()):
        return f"running (last heard {age_text(data['heard'], now())})"
    return str(data["state"])
