"""``cases/*.yml``: records that a pack's rules must hit, and must miss."""

from __future__ import annotations

from typing import Any

from exhume.model.flow import Value
from exhume.model.pack import Case, Pack
from exhume.packs.manifest import PackError, load_yaml, mapping, text_of

_KEYS = frozenset({"rule", "hit", "miss", "kind", "channel", "server", "fields", "content", "content_hex"})


def cases(pack: Pack) -> tuple[Case, ...]:
    """All cases of a pack, in the order of its files. Raises ``PackError`` for a case that is not well-formed."""
    found: list[Case] = []
    for file in pack.of("case"):
        try:
            text = file.text()
        except (OSError, ValueError) as error:
            raise PackError(file.name, f"cannot be read: {error}") from None
        items = load_yaml(file.name, text)
        if not isinstance(items, list):
            raise PackError(file.name, "it is not a list of cases")
        found += [_case(file.name, number, item) for number, item in enumerate(items, 1)]
    return tuple(found)


def _case(file: str, number: int, value: object) -> Case:
    what = f"case {number}"
    item = mapping(file, value, what, _KEYS)
    rule = text_of(file, item, "rule", what)
    what = f"case {number} (of {rule})"
    if ("hit" in item) == ("miss" in item):
        raise PackError(file, f"{what} needs either hit or miss, with the reason in words")
    return Case(
        rule=rule,
        must_hit="hit" in item,
        why=text_of(file, item, "hit" if "hit" in item else "miss", what),
        file=f"{file}#{number}",
        kind=text_of(file, item, "kind", what),
        channel=str(item.get("channel", "")),
        server=str(item.get("server", "")),
        fields=_fields(file, what, item.get("fields")),
        content=_content(file, what, item),
    )


def _fields(file: str, what: str, value: object) -> dict[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PackError(file, f"fields of {what} is not a mapping")
    out: dict[str, Value] = {}
    for key, cell in value.items():
        if isinstance(cell, list) and all(isinstance(part, str) for part in cell):
            out[str(key)] = tuple(cell)
        elif cell is None or isinstance(cell, str | int | float | bool):
            out[str(key)] = cell
        else:
            raise PackError(file, f"the field {str(key)!r} of {what} is neither text, number, true/false nor a list of texts")
    return out


def _content(file: str, what: str, item: dict[str, Any]) -> bytes | None:
    if "content" in item and "content_hex" in item:
        raise PackError(file, f"{what} has content and content_hex")
    if "content" in item:
        return str(item["content"]).encode()
    if "content_hex" in item:
        try:
            return bytes.fromhex(str(item["content_hex"]))
        except ValueError:
            raise PackError(file, f"content_hex of {what} is not hexadecimal") from None
    return None
