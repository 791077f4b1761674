"""What the steps of an attack share: the server they happen on, what each actor has got so far, and what is true of it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from exhume.simulator.desk import Desk
from exhume.simulator.places import ROOT
from exhume.simulator.scenario import Actor, ScenarioError, Step, Truth

FRONT = f"{ROOT}/FrontEnd/HttpProxy/"
WWWROOT = "inetpub/wwwroot/"


@dataclass(slots=True)
class Stage:
    """One server under attack."""

    desk: Desk
    actors: dict[str, Actor]
    truth: Truth
    canaries: dict[str, str] = field(default_factory=dict)
    """Actor → the canary of the session it has: the same in every row of that session."""
    oab_guid: str = "22222222-0000-4000-8000-000000000002"
    """Id of the OAB virtual directory; each reset makes a new one."""
    oab_url: str = ""

    def address(self, step: Step) -> str:
        return str(step.given.get("address", self.actors[step.actor].addresses[0]))

    def agent(self, step: Step) -> str:
        return str(step.given.get("agent", self.actors[step.actor].agent))

    def canary(self, step: Step) -> str:
        if step.actor not in self.canaries:
            self.canaries[step.actor] = f"{self.desk.guid().replace('-', '')[:24]}."
        return self.canaries[step.actor]

    def wrote(self, step: Step, path: str, content: bytes, moment: datetime, writer: str) -> None:
        """A file that the attack wrote on drive C; Sysmon tells who wrote it."""
        self.desk.file(path, content, moment)
        windows = windows_path(path)
        self.desk.event("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 11, moment, {
            "RuleName": "-", "UtcTime": f"{moment:%Y-%m-%d %H:%M:%S}.000", "ProcessGuid": f"{{{self.desk.guid()}}}",
            "ProcessId": "7816", "Image": writer, "TargetFilename": windows,
            "CreationUtcTime": f"{moment:%Y-%m-%d %H:%M:%S}.000", "User": "NT AUTHORITY\\SYSTEM",
        })  # fmt: skip
        if path.endswith((".aspx", ".ashx", ".asmx")):
            self.shell(url_of(path), step)

    def shell(self, url: str, step: Step) -> None:
        for told in (self.truth, self.truth.actors[step.actor]):
            if url not in told.shells:
                told.shells.append(url)

    def mailbox(self, name: str, step: Step) -> None:
        told = self.truth.actors[step.actor].mailboxes
        if name not in told:
            told.append(name)


Play = Callable[[Stage, Step], None]
"""Writes one step into every log that shows it."""


def text(step: Step, name: str, default: str | None = None) -> str:
    """A text the scenario gives, plain as ``name`` or encoded as ``name64``. Raises ``ScenarioError`` when it is missing."""
    given: dict[str, Any] = dict(step.given)
    if f"{name}64" in given:
        return b64decode(str(given[f"{name}64"])).decode()
    if name in given:
        return str(given[name])
    if default is None:
        raise ScenarioError(f"the step {step.what!r} at {step.at:%Y-%m-%d %H:%M:%S} needs {name!r}")
    return default


def moments(step: Step) -> list[datetime]:
    """When a step happens that is done ``count`` times, ``every`` so many seconds."""
    every = float(step.given.get("every", 3))
    return [step.at + timedelta(seconds=n * every) for n in range(int(step.given.get("count", 1)))]


def windows_path(path: str) -> str:
    return "C:\\" + path.replace("/", "\\")


def url_of(path: str) -> str:
    """The URL path of a file on drive C; empty when IIS does not serve it."""
    for folder in (WWWROOT, FRONT):
        if path.startswith(folder):
            return "/" + path.removeprefix(folder)
    return ""


def protocol_of(url: str) -> str:
    """The HttpProxy folder that a front-end request for this URL is logged in; empty when IIS answers it alone."""
    return {"owa": "Owa", "ecp": "Ecp", "autodiscover": "Autodiscover", "ews": "Ews"}.get(
        url.strip("/").split("/")[0].lower(), ""
    )
