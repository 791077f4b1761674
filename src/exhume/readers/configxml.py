"""Reads configuration XML element by element: strictly where it is well-formed, by its tags where it is not.

Document types and entities are refused (they are never part of these files and can blow up a parser); such a file, like a torn
one, is read by its tags and the caller gets a sentence that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from exhume.readers.script import decode

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PIECE = 1 << 18
"""Bytes that are fed to the parser at a time."""
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.:-]{0,200})((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)>")
_ATTRIBUTE = re.compile(r"([\w.:-]{1,200})\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")
_DECLARATION = re.compile(r"\A<\?xml[^>]*\?>")


class Listener(Protocol):
    """Hears of every element in document order. ``tag`` is lower case; ``line`` counts from 1."""

    def start(self, tag: str, attributes: Mapping[str, str], line: int) -> None: ...

    def end(self, tag: str) -> None: ...


L = TypeVar("L", bound=Listener)


def walk(data: bytes, listen: Callable[[], L]) -> tuple[L, str]:
    """The listener after the whole file, and what was wrong with the file in plain words (empty: well-formed)."""
    from defusedxml import DefusedXmlException
    from defusedxml.sax import parseString

    blank = len(data) - len(data.lstrip(b"\r\n\t \xef\xbb\xbf"))
    listener = listen()
    adapter = _Adapter(listener, data[:blank].count(b"\n"))
    try:
        parseString(_one_encoding(data[blank:]), adapter, forbid_dtd=True)
    except DefusedXmlException:
        trouble = "It declares a document type or entities, which is refused; it was read by its tags only."
    except (SAXException, ValueError, LookupError):
        trouble = f"It is not well-formed XML (line {adapter.line}); it was read by its tags only, so parts may be missing."
    else:
        return listener, ""
    listener = listen()
    _by_tags(decode(data), listener)
    return listener, trouble


class XmlListener(ContentHandler):
    """Hears of every element and text while a stream is fed to the parser, with the ``N`` attribute and the line."""

    def __init__(self) -> None:
        super().__init__()
        self.line: Callable[[], int | None] = int
        """Tells the line that the parser is in."""

    def begin(self, tag: str, name: str, line: int) -> None: ...

    def text(self, data: str) -> None: ...

    def finish(self, tag: str) -> None: ...

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the name that xml.sax calls
        self.begin(name, attrs.get("N", ""), self.line() or 1)

    def characters(self, content: str) -> None:
        self.text(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        self.finish(name)


def feed(stream: BinaryIO, reader: XmlListener, trouble: list[str]) -> Iterator[None]:
    """Feeds a stream of XML to the reader, and stops after each piece so that what was heard can be taken. What is wrong with
    it goes, in plain words, into ``trouble``. Raises ``OSError`` when the stream does."""
    from defusedxml import DefusedXmlException
    from defusedxml.expatreader import DefusedExpatParser

    parser = DefusedExpatParser(forbid_dtd=True)
    parser.setContentHandler(reader)
    reader.line = parser.getLineNumber
    empty = True
    try:
        while piece := stream.read(PIECE):
            empty = False
            parser.feed(piece)
            yield
        parser.close()
    except DefusedXmlException:
        trouble.append("it declares a document type or entities, which is refused; what follows was not read")
    except (SAXException, ValueError, LookupError):
        trouble.append("it is not well-formed XML or ends early; what follows was not read")
    if empty:
        trouble.append("it is empty")
    yield


def element_of(text: str) -> Element | None:
    """One small XML element; ``None`` when it is not well-formed or declares a document type or entities."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        parsed: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    return parsed


def _one_encoding(data: bytes) -> bytes:
    """UTF-16 text as UTF-8 without a declaration, since a copied file often keeps a declaration that is no longer true."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data
    return _DECLARATION.sub("", decode(data).lstrip("\ufeff")).encode("utf-8", "replace")


class _Adapter(ContentHandler):
    """Hands the events of the strict parser on."""

    def __init__(self, listener: Listener, skipped: int) -> None:
        super().__init__()
        self._listener = listener
        self._skipped = skipped
        self._locator: Locator | None = None

    @property
    def line(self) -> int:
        number = self._locator.getLineNumber() if self._locator else None
        return (number or 1) + self._skipped

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - the name that xml.sax calls
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        self._listener.start(name.lower(), {key: attrs.getValue(key) for key in attrs.getNames()}, self.line)

    def endElement(self, name: str) -> None:  # noqa: N802
        self._listener.end(name.lower())


def _by_tags(text: str, listener: Listener) -> None:
    """Every tag that can be made out, whatever stands between them; comments are left out."""
    import html

    text = _COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    line, seen = 1, 0
    for match in _TAG.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        closing, tag, rest = match.group(1), match.group(2).lower(), match.group(3)
        if closing:
            listener.end(tag)
            continue
        attributes = {m.group(1): html.unescape(m.group(2) or m.group(3) or "") for m in _ATTRIBUTE.finditer(rest)}
        listener.start(tag, attributes, line)
        if rest.endswith("/"):
            listener.end(tag)
