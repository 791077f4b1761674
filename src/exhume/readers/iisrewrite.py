"""URL Rewrite rules: flattened, and recognised when they are a published mitigation.

References: content/iis_mitigations.csv; logs.md 10 of the project's notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exhume.model import Value
from exhume.readers.content import rows

_ALL_URLS = frozenset({"", ".*", "(.*)", "^.*$", "^(.*)$", "*"})
_ENDS_REQUEST = frozenset({"abortrequest", "customresponse"})


@dataclass(slots=True)
class RewriteRule:
    """One rule while its child elements are read."""

    kind: str
    """``rules``, ``globalRules`` or ``outboundRules``."""
    attributes: dict[str, str]
    match: dict[str, str] = field(default_factory=dict)
    conditions: list[dict[str, str]] = field(default_factory=list)
    grouping: str = "MatchAll"
    action: dict[str, str] = field(default_factory=dict)

    def take(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A child element of the rule."""
        if tag == "match":
            self.match = dict(attributes)
        elif tag == "conditions":
            self.grouping = attributes.get("logicalGrouping", "MatchAll")
        elif tag == "add":
            self.conditions.append(dict(attributes))
        elif tag == "action":
            self.action = dict(attributes)

    @property
    def enabled(self) -> bool:
        return self.attributes.get("enabled", "true").lower() != "false"

    def fields(self) -> dict[str, Value]:
        """``pattern`` and ``input`` of the conditions (a tuple if there are several), or of the match if there are none."""
        fields: dict[str, Value] = dict(self.attributes)
        fields |= {"element": self.kind, "enabled": "true" if self.enabled else "false"}
        fields["match"] = self.match.get("url") or self.match.get("pattern", "")
        tests = self._tests()
        fields["input"] = _one_or_many([given for given, _ in tests])
        fields["pattern"] = _one_or_many([pattern for _, pattern in tests])
        fields["action"] = self.action.get("type", "")
        if self.action.get("url"):
            fields["action_url"] = self.action["url"]
        return {name: value for name, value in fields.items() if value}

    def _tests(self) -> list[tuple[str, str]]:
        if self.conditions:
            return [(c.get("input", ""), c.get("pattern", "")) for c in self.conditions]
        return [("{URL}", self.match.get("url", ""))]

    def mitigation(self) -> tuple[str, str]:
        """Name and CVE of the mitigation that this rule is; empty texts if it is none, is switched off or ends no request."""
        nothing = ("", "")
        if not self.enabled or self.kind == "outboundRules":
            return nothing
        name = self.attributes.get("name", "").lower()
        blocks = self.action.get("type", "").lower() in _ENDS_REQUEST and not self._narrowed()
        for row in rows("iis_mitigations.csv"):
            if row["rule_name"]:
                if row["rule_name"] in name:
                    return row["mitigation"], row["cve"]
            elif blocks and any(_fits(row, given, pattern) for given, pattern in self._tests()):
                return row["mitigation"], row["cve"]
        return nothing

    def _narrowed(self) -> bool:
        """Does something keep the rule from acting on every request: a URL, a second condition, a negation?"""
        if any(c.get("negate", "").lower() == "true" for c in (*self.conditions, self.match)):
            return True
        if not self.conditions:
            return False
        several = len(self.conditions) > 1 and self.grouping.lower() != "matchany"
        return several or self.match.get("url", "") not in _ALL_URLS


def _fits(row: Mapping[str, str], given: str, pattern: str) -> bool:
    lowered = pattern.lower()
    return (
        row["input"] in ("*", given.replace(" ", "").lower())
        and all(word in lowered for word in row["holds"].split())
        and not any(word in lowered for word in row["lacks"].split())
    )


def _one_or_many(texts: list[str]) -> str | tuple[str, ...]:
    return texts[0] if len(texts) == 1 else tuple(texts)
