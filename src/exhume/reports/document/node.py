"""A JSON object that is read with care: what does not fit is said with its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

T = TypeVar("T")


class Node:
    """A JSON object that knows where it stands, so that a complaint can say so."""

    __slots__ = ("content", "where")

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise TypeError(f"{where} is no object")
        self.content: dict[str, Any] = content
        self.where = where

    def _wrong(self, key: str, wanted: str) -> ValueError:
        return ValueError(f"{self.where}.{key} is no {wanted}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.content.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "text")
        return value

    def maybe(self, key: str) -> str | None:
        return self.text(key) if self.content.get(key) is not None else None

    def number(self, key: str, default: int | None = None) -> int:
        value = self.content.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(key, "whole number")
        return value

    def truth(self, key: str, default: bool | None = None) -> bool:
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def items(self, key: str) -> list[Any]:
        value = self.content.get(key, [])
        if not isinstance(value, list):
            raise self._wrong(key, "list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.items(key)
        if not all(isinstance(v, str) for v in values):
            raise self._wrong(key, "list of texts")
        return tuple(values)

    def numbers(self, key: str) -> tuple[int, ...]:
        values = self.items(key)
        if not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            raise self._wrong(key, "list of whole numbers")
        return tuple(values)

    def node(self, key: str) -> Node:
        return Node(self.content.get(key), f"{self.where}.{key}")

    def optional(self, key: str, build: Callable[[Node], T]) -> T | None:
        return build(self.node(key)) if self.content.get(key) is not None else None

    def nodes(self, key: str, build: Callable[[Node], T]) -> tuple[T, ...]:
        return tuple(build(Node(v, f"{self.where}.{key}[{n}]")) for n, v in enumerate(self.items(key)))

    def time(self, key: str) -> datetime | None:
        text = self.maybe(key)
        if text is None:
            return None
        value = datetime.fromisoformat(text)
        if value.tzinfo is None:
            raise self._wrong(key, "time with a zone")
        return value.astimezone(UTC)

    def moment(self, key: str) -> datetime:
        value = self.time(key)
        if value is None:
            raise self._wrong(key, "time")
        return value

    def day(self, key: str) -> date | None:
        text = self.maybe(key)
        return date.fromisoformat(text) if text is not None else None
