"""A pretend Exchange server's evidence, written from a scenario: for tests, benchmarks and the demonstration.

Shares no code with readers and detectors, so that a misunderstanding on one side is seen. Samples of web shells are inert,
every address is from the ranges for documentation.
"""

from __future__ import annotations

from exhume.simulator.scenario import Actor, ActorTruth, Expected, Scenario, ScenarioError, Step, Truth, load, scenarios
from exhume.simulator.simulate import simulate

__all__ = ["Actor", "ActorTruth", "Expected", "Scenario", "ScenarioError", "Step", "Truth", "load", "scenarios", "simulate"]
