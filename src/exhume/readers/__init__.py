"""Bytes to records. A new reader is one file (or folder) and one line in ``READERS``."""

from exhume.model import Reader
from exhume.readers.agents import Agents
from exhume.readers.aspnet import AspNet
from exhume.readers.events import Events
from exhume.readers.evtx import Evtx
from exhume.readers.exchange import Exchange
from exhume.readers.files import Files
from exhume.readers.healthchecker import HealthChecker
from exhume.readers.hive import Hives
from exhume.readers.httperr import HttpErr
from exhume.readers.iis import Iis
from exhume.readers.iisconfig import IisConfig
from exhume.readers.inventory import Inventory
from exhume.readers.pe import Pe
from exhume.readers.setuplog import SetupLogs
from exhume.readers.tasks import Tasks
from exhume.readers.toollogs import ToolLogs
from exhume.readers.webfile import WebFile

READERS: tuple[Reader, ...] = (
    Iis(),
    HttpErr(),
    Exchange(),
    Evtx(),
    Events(),
    ToolLogs(),
    SetupLogs(),
    IisConfig(),
    Agents(),
    Tasks(),
    AspNet(),
    WebFile(),
    Pe(),
    Hives(),
    HealthChecker(),
    Inventory(),
)
"""Tried in this order: by content first, by path second."""
EVERY_FILE: Reader = Files()
"""For all that is not a recognised log."""

__all__ = ["EVERY_FILE", "READERS"]
