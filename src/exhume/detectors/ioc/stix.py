"""STIX 2.1 patterns, as far as a single value can stand for them.

Reference: OASIS STIX 2.1, chapter 9 (https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_e8slinrhxcc9).
Sample: ``[file:hashes.'SHA-256' = 'aec0…' OR ipv4-addr:value = '203.0.113.9']``
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<object>[a-zA-Z][\w-]*:[\w.\-'\[\]*" ]*?[\w'\]*"])\s*(?P<not>NOT\s+)?
            (?P<operator>!=|<=|>=|=|<|>|\b(?:IN|LIKE|MATCHES|ISSUBSET|ISSUPERSET)\b)\s*
            (?P<value>\((?:[^()']|'(?:[^'\\]|\\.)*')*\)|'(?:[^'\\]|\\.)*'|[\w.+:-]+)
      | (?P<word>AND|OR|FOLLOWEDBY)\b
      | (?P<bracket>[\[\]()])
      | (?P<rest>\S.*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'")
_OBJECTS = (
    (re.compile(r"(?:ipv4-addr|ipv6-addr):value"), "ip"),
    (re.compile(r"domain-name:value"), "domain"),
    (re.compile(r"url:value"), "url"),
    (re.compile(r"file:hashes\.'?\"?sha-?256'?\"?", re.IGNORECASE), "sha256"),
    (re.compile(r"file:hashes\.'?\"?sha-?1'?\"?", re.IGNORECASE), "sha1"),
    (re.compile(r"file:hashes\.'?\"?md5'?\"?", re.IGNORECASE), "md5"),
    (re.compile(r"file:name"), "filename"),
    (re.compile(r"network-traffic:(?:src|dst)_ref\.value"), "ip_or_domain"),
    (re.compile(r"network-traffic:extensions\.'http-request-ext'\.request_header\.'User-Agent'", re.IGNORECASE), "user_agent"),
)
_BESIDE = re.compile(r"network-traffic:(?:(?:src|dst)_ref\.type|(?:src|dst)_port|protocols\[\*\])|file:(?:size|mime_type)")
"""Comparisons that only narrow another one of the same pattern, and may be left away."""
_HASHES = ("sha256", "sha1", "md5")
LONGEST = 20_000


def stix_values(pattern: str) -> list[tuple[str, str]]:
    """Types and values of which any one fulfils the pattern. Raises ``ValueError`` when it asks for anything else."""
    if len(pattern) > LONGEST:
        raise ValueError("the pattern is too long")
    found: list[tuple[str, str]] = []
    for alternative in _alternatives(pattern):
        known = [values for values in alternative if values]
        if not known:
            raise ValueError("the pattern tests nothing that logs or files show")
        hashes = [values for values in known if values[0][0] in _HASHES]
        if len(known) > 1 and not hashes:
            raise ValueError("the pattern asks for several things at once")
        found += hashes[0] if hashes else known[0]
    return found


def _alternatives(pattern: str) -> Iterator[list[list[tuple[str, str]]]]:
    """The pattern as alternatives, each a list of comparisons that must hold together."""
    current: list[list[tuple[str, str]]] = []
    depth = 0
    words: set[str] = set()
    for token in _TOKEN.finditer(pattern):
        if token["object"]:
            current.append(_comparison(token))
        elif token["word"]:
            word = token["word"]
            if depth == 0 and word != "OR":
                raise ValueError("the pattern joins several observations")
            if word == "OR":
                yield current
                current = []
            else:
                words.add(word)
        elif token["bracket"]:
            depth += 1 if token["bracket"] in "[(" else -1
            if depth > 1:
                words.add("(")
        elif token["rest"]:
            raise ValueError("the pattern has qualifiers or a syntax that is not supported")
        if "(" in words and "AND" in words:
            raise ValueError("the pattern nests AND and OR")
    if depth != 0:
        raise ValueError("the pattern's brackets do not match")
    yield current


def _comparison(token: re.Match[str]) -> list[tuple[str, str]]:
    path, operator = token["object"], token["operator"]
    if _BESIDE.fullmatch(path):
        return []
    kind = next((kind for expression, kind in _OBJECTS if expression.fullmatch(path)), None)
    if kind is None:
        raise ValueError(f"the pattern tests {path[:60]!r}, which is not supported")
    if token["not"] or operator not in {"=", "IN"}:
        raise ValueError(f"the comparison {(token['not'] or '') + operator!r} is not supported")
    values = [re.sub(r"\\(.)", r"\1", text) for text in _TEXT.findall(token["value"])]
    if not values:
        raise ValueError("the pattern compares with something that is no text")
    return [(_refined(kind, value), value) for value in values]


def _refined(kind: str, value: str) -> str:
    if kind == "ip_or_domain":
        return "ip" if re.fullmatch(r"[\d./]+|[0-9a-fA-F:]+:[0-9a-fA-F:./]*", value) else "domain"
    return kind
