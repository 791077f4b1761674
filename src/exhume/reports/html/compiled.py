"""Our own templates as Python's code, kept between runs: to compile them takes longer than all else about a page."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import CodeType
from typing import Any, cast

import jinja2

import exhume
from exhume.model import Kept


class Compiled(jinja2.BaseLoader):
    """The templates of an environment, which must have its options already.

    What is kept is read by ``marshal``, as Python reads its own ``.pyc`` files: ``kept`` answers for where it comes from.
    """

    def __init__(self, environment: jinja2.Environment, sources: Mapping[str, str], kept: Kept) -> None:
        origin = f"{exhume.__version__} {jinja2.__version__} {sys.implementation.cache_tag} {sys.version}"
        options = Path(__file__).with_name("page.py").read_bytes()
        texts = [part.encode() for name in sorted(sources) for part in (name, sources[name])]

        def make() -> bytes:
            codes = {name: environment.compile(source, name, f"<{name}>") for name, source in sources.items()}
            return marshal.dumps(codes)

        made = kept([b"templates", origin.encode(), options, *texts], make)
        self._codes = cast(dict[str, CodeType], marshal.loads(made))  # noqa: S302

    def load(
        self,
        environment: jinja2.Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 (the library's name for it)
    ) -> jinja2.Template:
        if name not in self._codes:
            raise jinja2.TemplateNotFound(name)
        return jinja2.Template.from_code(environment, self._codes[name], {} if globals is None else globals)
