"""Versions of installed packages, by the names of their folders: to ask ``importlib.metadata`` loads a parser of e-mail."""

from __future__ import annotations

import os
import re
import sys
from functools import cache


@cache
def version_of(distribution: str) -> str:
    """The version, e.g. ``1.4.0``; empty when it is not installed.

    References: the ``.dist-info`` folder's name, PyPA's "Recording installed projects".
    """
    wanted = _plain(distribution)
    for place in sys.path:
        try:
            names = os.listdir(place)
        except OSError:
            continue
        for name in names:
            stem, end = os.path.splitext(name)
            if end == ".dist-info" and _plain(stem.rpartition("-")[0]) == wanted:
                return stem.rpartition("-")[2]
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
