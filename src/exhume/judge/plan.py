"""What to do next: the packs' clean-up steps that this server's findings call for, in one safe order. Never carried out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from exhume.judge import words
from exhume.judge.things import Thing
from exhume.judge.verdict import raised
from exhume.model import Answer, Finding, PlanEntry, Step, Verdict, thing_of, to_confirm

if TYPE_CHECKING:
    from exhume.judge.exposure import Patching

COLLECT = 10
"""Place of "collect first" on the packs' axis."""
WHERE = (
    "On the server: Logging below Exchange's own folder (HttpProxy, ECP, CmdletInfra, OABGeneratorLog);"
    " C:\\inetpub\\logs\\LogFiles; C:\\inetpub\\wwwroot; FrontEnd\\HttpProxy and ClientAccess of Exchange;"
    " C:\\Windows\\System32\\winevt\\Logs; C:\\Windows\\System32\\inetsrv\\config. For the build: Bin\\ExSetup.exe of"
    " Exchange, C:\\ExchangeSetupLogs, C:\\Windows\\System32\\config\\SOFTWARE with its .LOG files."
)
"""Where the logs and settings lie that an assessment asks for (docs/how-to/collect-evidence.md)."""
MOST_THINGS = 200
"""Things named in one step; the rest is counted."""
_PLACE = re.compile(r"\[\[(\w+)\]\]")
_PLAIN = re.compile(r"[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u052f\u4e00-\u9fff\uac00-\ud7a3]*")
"""Characters that a console shows as they are."""


def plan(
    entries: Iterable[PlanEntry],
    answers: Sequence[Answer],
    findings: Sequence[Finding],
    planted: Sequence[Thing] = (),
    patching: Patching | None = None,
) -> tuple[Step, ...]:
    """The steps that apply, numbered from 1. Without a suspicion it is what to bring so that more can be said, and to close
    what may still be open."""
    by_campaign = {a.campaign: a for a in answers}
    worked = [f for f in findings if raised(f) is not None]
    unfixed = patching.unfixed if patching else {}
    due: dict[str, tuple[PlanEntry, list[Finding]]] = {}
    for entry in sorted(entries, key=lambda e: (e.order, e.pack, e.id)):
        why = _why(entry, by_campaign.get(entry.pack), worked, findings, planted)
        if entry.title not in due and (why or (entry.open and entry.pack in unfixed)):
            due[entry.title] = (entry, why)
    steps: list[Step] = []
    missing = list(dict.fromkeys(limit for a in answers if a.verdict == Verdict.CANNOT_TELL for limit in a.limits))
    if missing and not any(why for _, why in due.values()):
        missing += [words.BRING] if patching is None or not patching.all_known else []
        how = "What keeps exhume from a verdict:\n" + "\n".join(f"- {limit}" for limit in missing)
        how += f"\n\n{WHERE}\n\n"
        how += "Look for the missing days in backups, snapshots, a SIEM or log server, then assess again with all of it."
        steps.append(Step(1, "Bring the evidence that is missing", "No verdict is possible without it.", how, reversible=True))
    asked = explain(findings)
    if asked and not worked:
        steps.append(replace(asked, order=len(steps) + 1))
    for entry, why in due.values():
        because = f"Because of: {words.joined(list(dict.fromkeys(f.title for f in why)), most=3)}."
        if not why:
            from exhume.judge.exposure.sentences import named

            flaws = list(dict.fromkeys(named(o.flaw) for o in unfixed.values()))
            because = f"The evidence does not show that it was fixed: {words.joined(flaws)}."
        ids = tuple(dict.fromkeys(f.id for f in why))
        how = filled(entry.how, [t for t in planted if t.kind == entry.things])
        steps.append(Step(len(steps) + 1, entry.title, because, how, entry.reversible, ids, entry.decision, entry.check))
    if asked and worked:
        steps.append(replace(asked, order=len(steps) + 1))
    return tuple(steps)


def explain(findings: Iterable[Finding]) -> Step | None:
    """Ask about what ordinary work of administrators and products leaves as well; ``None`` when there is no such mark."""
    marks = [f for f in findings if to_confirm(f)]
    if not marks:
        return None
    lines = [f"- {words.told(f)}" for f in marks[:MOST_THINGS]]
    lines += [f"- and {len(marks) - MOST_THINGS:,} more: the findings name them"] if len(marks) > MOST_THINGS else []
    how = (
        "Whoever runs the server says for each of them who did it or which product it belongs to, and since when:\n\n"
        + "\n".join(lines)
    )
    files = list(dict.fromkeys(dll for f in marks if (dll := thing_of(f).dll)[1:3] == ":\\"))[:MOST_THINGS]
    if files:
        commands = [
            f"    Get-AuthenticodeSignature -LiteralPath {quoted(p)} | Format-List Path,Status,SignerCertificate" for p in files
        ]
        commands += [f"    Get-FileHash -LiteralPath {quoted(p)} -Algorithm SHA256" for p in files]
        how += "\n\nWhose signature it bears is looked up on the server, and the hash at the vendor:\n\n" + "\n".join(commands)
    how += (
        "\n\nWhat is explained goes into an allow file: each finding offers the line for it (exhume assess --allow FILE)."
        " What nobody can explain is treated as the attacker's."
    )
    which = words.number(len(marks), "thing")
    why = f"{which} found that administrators and products leave as well as attackers. No verdict comes of them alone."
    check = "each of them has an owner, or was taken out and looked into."
    return Step(
        1,
        "Explain what administrators or products may have left",
        why,
        how,
        True,
        tuple(f.id for f in marks),
        check=check,
    )


def _why(
    entry: PlanEntry, campaign: Answer | None, worked: Sequence[Finding], findings: Sequence[Finding], planted: Sequence[Thing]
) -> list[Finding]:
    """The findings that call for the step. A step for things is due when there are any, whichever pack found them."""
    if entry.things:
        ids = {name for thing in planted if thing.kind == entry.things for name in thing.findings}
        return [f for f in findings if f.id in ids]
    if entry.unless and any(thing.kind == entry.unless for thing in planted):
        return []
    why = [f for f in worked if f.rule in entry.rules or (f.trace and f.trace in entry.rules)]
    if not why and campaign and entry.outcome and campaign.verdict >= Verdict.SUSPECTED:
        why = [f for f in worked if f.pack == entry.pack and f.outcome >= entry.outcome]
    return why


def filled(text: str, named: Sequence[Thing]) -> str:
    """The text, each line with places such as ``[[path]]`` once for every thing."""
    out: list[str] = []
    for line in text.split("\n"):
        if not _PLACE.search(line):
            out.append(line)
            continue
        for thing in named[:MOST_THINGS]:
            pieces = _PLACE.split(line)  # text, name of a place, text, …
            out.append("".join(quoted(thing.values.get(p, "")) if n % 2 else p for n, p in enumerate(pieces)))
        if len(named) > MOST_THINGS:
            out.append(f"# and {len(named) - MOST_THINGS:,} more: the findings of this step name them")
    return "\n".join(out)


def quoted(value: str) -> str:
    """The value as a PowerShell literal that holds exactly these characters, whatever an attacker put in.

    In single quotes nothing is expanded; a quote, also a typographic one, is doubled. What a console does not show as it is
    (control characters, bidirectional marks, quotes that look like others) is written by number.

    References: Microsoft, about_Quoting_Rules; PowerShell takes U+2018 to U+201B for the single quote.
    """
    if _PLAIN.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    parts = [_part(piece) for piece in re.findall(rf"{_PLAIN.pattern[:-1]}+|.", value, re.DOTALL)]
    return f"({' + '.join(parts)})" if parts[0].startswith("'") else f"('' + {' + '.join(parts)})"


def _part(piece: str) -> str:
    if _PLAIN.fullmatch(piece):
        return "'" + piece.replace("'", "''") + "'"
    code = ord(piece)
    return f"[char]0x{code:04x}" if code < 0x10000 else f"[char]::ConvertFromUtf32(0x{code:x})"
