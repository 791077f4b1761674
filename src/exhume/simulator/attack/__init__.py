"""Steps of an attack, each written into every log that would show it."""

from __future__ import annotations

from exhume.simulator.attack import hands, powershell, proxylogon
from exhume.simulator.attack.stage import Play, Stage

STEPS: dict[str, Play] = {**proxylogon.STEPS, **powershell.STEPS, **hands.STEPS}
"""Name in a scenario → what writes it."""

__all__ = ["STEPS", "Stage"]
