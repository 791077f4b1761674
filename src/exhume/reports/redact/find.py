"""Where in a text something of the owner stands, and what is to stand there instead."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from exhume.reports.redact.decoded import rounds
from exhume.reports.redact.names import Names

Piece = str | tuple[str, str]
"""Text that stays, or kind and value of what gets a stand-in."""
_MAIL = re.compile(r"([\w.+$'!#&*-]{1,128})@((?:[\w-]+\.)+[\w-]{2,})")
_SID = re.compile(r"S-1-(?:5-21|12-1)-\d[\d-]*\d", re.IGNORECASE)
_DC = re.compile(r"DC=([\w-]+)(?:,\s?DC=[\w-]+)*", re.IGNORECASE)
_QUAD = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\d)(?!\.\d+\.\d)|(?<!\d)(?<!\d-)(?:\d{1,3}-){3}\d{1,3}(?!\d)(?!-\d)"
)
"""An IPv4 address, also with a port behind a dot, also with hyphens as in the names of access lines."""
_COLONS = re.compile(r"[0-9A-Fa-f:.]{3,}")
"""What may hold an IPv6 address, if there are two colons in a row in it, or seven."""
_GROUP = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]+|:|\.")
_MOST_GROUPS = 17
"""Eight groups and the colons around them."""
_TOKEN = re.compile(r"(?<=X-Rps-CAT=)[\w+/=.-]{6,}", re.IGNORECASE)
"""The token of a PowerShell session: Base64 with the account's name and SID inside."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}")
_URL = re.compile(r"(?<=://)[\w.-]+\.[a-z]{2,}", re.IGNORECASE)
_HEX = re.compile("[0-9a-f]+")
"""Such a name would be found inside hashes."""
_PADDED_BUILD = re.compile(r"1[45]\.0\d\.")


@dataclass(frozen=True, slots=True)
class Hit:
    start: int
    end: int
    pieces: tuple[Piece, ...]


class Finder:
    """Finds what is to be replaced. ``keep``: addresses that stay, ``builds``: version numbers that look like addresses."""

    def __init__(self, names: Names, keep: Iterable[str], builds: Iterable[str], everything: bool) -> None:
        self._kinds = names.kinds
        self._keep = frozenset(keep)
        self._builds = frozenset(builds)
        self._names = _names(names.kinds)
        self._domains = _trie(names.domains)
        self._everything = everything

    def hits(self, text: str) -> list[Hit]:
        """In order and without overlap; places are those of ``text`` itself."""
        found: list[Hit] = []
        for seen in reversed(rounds(text)):  # what was decoded may have been no code: C:\\x64, a name that begins with u0123
            more = (Hit(*seen.span(h.start, h.end), h.pieces) for h in self._found(seen.text))
            found += [h for h in more if all(h.end <= f.start or h.start >= f.end for f in found)]
        return sorted(found, key=lambda h: h.start)

    def _found(self, text: str) -> list[Hit]:
        taken: list[Hit] = []
        for search in (
            self._tokens,
            self._mails,
            _sids,
            self._dotted,
            _controllers,
            self._addresses,
            self._plain,
            self._hidden,
        ):
            for hit in search(text):
                if all(hit.end <= t.start or hit.start >= t.end for t in taken):
                    taken.append(hit)
        return taken

    def _tokens(self, text: str) -> Iterator[Hit]:
        if "=" in text:
            yield from (Hit(m.start(), m.end(), (("token", m.group()),)) for m in _TOKEN.finditer(text))

    def _mails(self, text: str) -> Iterator[Hit]:
        if "@" not in text:
            return
        for match in _MAIL.finditer(text):
            local, domain = match[1].lower(), match[2].lower()
            own = next((n for n in ("healthmailbox", "systemmailbox", "discoverysearchmailbox") if local.startswith(n)), "")
            first: tuple[Piece, ...] = (
                (f"{match[1][: len(own)]}-", ("mailbox", local)) if own else (("mailbox", f"{local}@{domain}"),)
            )
            yield Hit(match.start(), match.end(), (*first, "@", ("domain", domain)))

    def _dotted(self, text: str) -> Iterator[Hit]:
        """Hosts inside the owner's domains, and these themselves."""
        if self._domains and "." in text:
            for match in self._domains.finditer(text):
                start = _left(text, match.start())
                host = text[start : match.start() - 1].lower() if start < match.start() else ""
                first: tuple[Piece, ...] = (("host", host), ".") if host else ()
                yield Hit(start, match.end(), (*first, ("domain", match.group().lower())))
        if self._everything and "://" in text:
            yield from (Hit(m.start(), m.end(), (("domain", m.group().lower()),)) for m in _URL.finditer(text))

    def _addresses(self, text: str) -> Iterator[Hit]:
        if text.count(":") > 1:
            for start, end, six in _sixes(text):
                yield from self._six(start, end, six)
        if text.count(".") > 2 or text.count("-") > 2:
            for match in _QUAD.finditer(text):
                plain = ".".join(str(int(part)) for part in re.split("[.-]", match.group()))
                address = _parsed(plain)
                version = match.group() in self._builds or plain.endswith(".0.0") or _PADDED_BUILD.match(match.group())
                if address and not version and not _says_nothing(address) and plain not in self._keep:
                    yield Hit(match.start(), match.end(), (("address", plain),))

    def _six(self, start: int, end: int, address: IPv6Address) -> Iterator[Hit]:
        mapped = address.ipv4_mapped
        plain = str(mapped or address)
        if plain not in self._keep and not _says_nothing(mapped or address):
            yield Hit(start, end, ("::ffff:", ("address", plain)) if mapped else (("address", plain),))

    def _plain(self, text: str) -> Iterator[Hit]:
        if self._names:
            for match in self._names.finditer(text):
                name = match.group().lower().replace("+", " ") if "+" in match.group() else match.group().lower()
                kind = self._kinds.get(name) or self._kinds.get(match.group().lower(), "user")
                yield Hit(match.start(), match.end(), ((kind, name),))

    def _hidden(self, text: str) -> Iterator[Hit]:
        """Base64 that holds something of all this."""
        for match in _BASE64.finditer(text):
            run = match.group().rstrip("=")
            for skipped in range(4):
                inner = _opened(run[skipped:])
                if inner and any(True for search in (self._mails, _sids, self._dotted, self._plain) for _ in search(inner)):
                    yield Hit(match.start(), match.end(), (("base64", match.group()),))
                    break


def _in_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _left(text: str, start: int) -> int:
    """Where the whole name begins whose domain begins at ``start``: ``mail.`` in ``https://mail.town.example``."""
    place = start
    while place > max(0, start - 253) and text[start - 1] == "." and (text[place - 1].isalnum() or text[place - 1] in "-_."):
        place -= 1
    while place < start and text[place] == ".":
        place += 1
    return place


def _sixes(text: str) -> Iterator[tuple[int, int, IPv6Address]]:
    """IPv6 addresses with their places: the longest piece of a run that is one and does not end inside a word."""
    for run in _COLONS.finditer(text):
        if "::" not in run.group() and run.group().count(":") < 7:
            continue
        groups = [m.span() for m in _GROUP.finditer(text, run.start(), run.end())]
        done = 0
        for number, (start, _) in enumerate(groups):
            if start < done or _in_word(text[max(0, start - 1) : start]):
                continue
            for _, end in reversed(groups[number : number + _MOST_GROUPS]):
                address = None if _in_word(text[end : end + 1]) else _parsed(text[start:end])
                if isinstance(address, IPv6Address):
                    if int(address) >> 32:
                        yield start, end, address
                    done = end
                    break


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _says_nothing(address: IPv4Address | IPv6Address) -> bool:
    return address.is_loopback or address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255"


def _sids(text: str) -> Iterator[Hit]:
    if "1-" in text:
        yield from (Hit(m.start(), m.end(), (("sid", m.group().upper()),)) for m in _SID.finditer(text))


def _controllers(text: str) -> Iterator[Hit]:
    """The domain of a distinguished name."""
    if "=" in text:
        for match in _DC.finditer(text):
            domain = ".".join(part.partition("=")[2] for part in match.group().lower().split(","))
            yield Hit(match.start(), match.end(), ("DC=", ("domain", domain)))


def _opened(run: str) -> str:
    """The text inside a run of Base64, or nothing when there is none; as UTF-8 and as UTF-16."""
    run = run[: len(run) - len(run) % 4] if len(run) % 4 == 1 else run + "=" * (-len(run) % 4)
    try:
        data = base64.b64decode(run, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return data.decode("latin-1") + "\n" + data.replace(b"\x00", b"").decode("utf-8", "replace")


def _names(kinds: dict[str, str]) -> re.Pattern[str] | None:
    """Names as whole words; long and odd ones also inside others; the shortest only as a whole cell or behind a backslash."""
    loose = [n for n in kinds if (len(n) >= 7 or (len(n) >= 4 and any(c.isdigit() for c in n))) and not _HEX.fullmatch(n)]
    short = [n for n in kinds if len(n) < 3]
    strict = [n for n in kinds if n not in loose and n not in short]
    parts = [_words(loose)] if loose else []
    parts += [rf"(?<![^\W_]){_words(strict)}(?![^\W_])"] if strict else []
    parts += [rf"(?<=\\){_words(short)}(?![^\W_])|\A{_words(short)}\Z"] if short else []
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _trie(domains: Iterable[str]) -> re.Pattern[str] | None:
    words = list(domains)
    return re.compile(rf"(?<![\w-]){_words(words)}(?![\w-])", re.IGNORECASE) if words else None


@dataclass
class _Node:
    ends: bool
    below: dict[str, _Node]


def _words(words: Iterable[str]) -> str:
    """The words as one pattern that shares beginnings, so that thousands of them are searched as fast as a few."""
    root = _Node(False, {})
    for word in words:
        node = root
        for character in word:
            node = node.below.setdefault(character, _Node(False, {}))
        node.ends = True
    return _branch(root)


def _branch(node: _Node) -> str:
    branches = [_letter(c) + _branch(below) for c, below in sorted(node.below.items())]
    if not branches:
        return ""
    if len(branches) == 1 and not node.ends:
        return branches[0]
    return f"(?:{'|'.join(branches)})" + ("?" if node.ends else "")


def _letter(character: str) -> str:
    return "[ +]" if character == " " else re.escape(character)
