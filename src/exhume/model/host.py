"""The server that the evidence comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from exhume.model.sites import Sites


@dataclass(frozen=True, slots=True)
class Host:
    """Facts about one server; empty text where the evidence does not say."""

    name: str = ""
    product: str = ""
    """``2010``, ``2013``, ``2016``, ``2019`` or ``SE``."""
    cu: str = ""
    build: str = ""
    """Four parts without padding, e.g. ``15.1.2176.9``."""
    build_source: str = ""
    """How the build was read, and so how far it can be trusted."""
    install_root: str = ""
    """Windows path with a closing backslash, e.g. ``C:\\Program Files\\Microsoft\\Exchange Server\\V15\\``."""
    time_zone: str = ""
    roles: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    """All server names seen in the evidence; more than one means that it was mixed."""
    sites: Sites = field(default=Sites(), repr=False)
    """The folders that IIS serves, by its configuration."""
