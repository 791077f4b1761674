"""Rules that say the same thing: ``content/families.yml``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """Findings of these rules are told as one."""

    name: str
    rules: tuple[str, ...]
    """Ids of traces or rules; ``*`` stands for anything."""
    kinds: tuple[str, ...] = ()
    """Only in records of these kinds; empty: of any."""
    apart: tuple[str, ...] = ()
    """Keys of visits whose values keep apart what is proven or suspected."""
    title: str = ""
    """The sentence, with places such as ``[[address]]``; empty: the title of the finding that proves most."""
