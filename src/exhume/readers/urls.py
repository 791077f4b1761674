"""The derived field ``url``: what was asked for, with encoding tricks undone, so that one rule finds all spellings."""

from __future__ import annotations

from urllib.parse import unquote


def decoded_url(stem: str, query: str = "") -> str:
    """Path and, after ``?``, query; decoded twice, ``+`` and invalid escapes kept, bytes that are no UTF-8 as ``\\xff``.

    Twice, because Exchange's front end decodes once and hands on what the back end decodes again.
    """
    query = query.removeprefix("?")
    url = f"{stem}?{query}" if query else stem
    if "%" not in url:
        return url
    return unquote(unquote(url, errors="backslashreplace"), errors="backslashreplace")
