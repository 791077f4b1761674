"""Fills the templates. Every piece of text that a template prints is first made harmless, then escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from exhume.model import Assessment, Kept, anew
from exhume.reports import wording
from exhume.reports.html.compiled import Compiled
from exhume.reports.html.flaws import charts
from exhume.reports.html.heatmap import grid
from exhume.reports.html.picture import pictures
from exhume.reports.html.view import values, view
from exhume.reports.plain import DOT, NOTE, shown

_TEMPLATES = Path(__file__).parent / "templates"
_NOTE_HERE = "\x02note\x03"
"""Holds the place of the note until it is known whether one is needed; no text of evidence keeps such characters."""


def page(assessment: Assessment, kept: Kept = anew) -> bytes:
    """The whole page, UTF-8."""
    v = view(assessment)
    drawn = {"grid": grid(assessment), "charts": charts(assessment), "pictures": pictures(assessment)}
    return filled("report.html.j2", v.timeline.style, kept, v=v, **drawn)


def ready(kept: Kept) -> None:
    """Loads the templates before they are needed."""
    _environment(kept)


def filled(template: str, more_style: str = "", kept: Kept = anew, **content: object) -> bytes:
    """A template with its content, UTF-8: the style inside and allowed by its hash, no script, nothing fetched."""
    style = _read("style.css") + more_style
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    text = (
        _environment(kept)
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 (our own file)
            note=Markup(_NOTE_HERE),  # noqa: S704 (a constant)
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'",
            **content,
        )
    )
    return text.replace(_NOTE_HERE, NOTE if DOT in text else "").encode("utf-8", "replace")


@cache
def _environment(kept: Kept) -> Environment:
    sources = {entry.name: entry.read_text("utf-8") for entry in _TEMPLATES.iterdir() if entry.name.endswith(".j2")}
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        states=wording.STATE,
        between=wording.between,
        stamp=wording.stamp,
        values=values,
        known_of=wording.known_of,
        rungs=wording.RUNG,
        fates=wording.FATE,
        removed=wording.removed,
        used=wording.used,
    )
    environment.loader = Compiled(environment, sources, kept)
    return environment


@cache
def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8")


def _harmless(value: object) -> object:
    """What the templates print: text passes ``plain.shown`` before it is escaped, whatever its origin."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return shown(value, keep="\n\t")
    return "" if value is None else value
