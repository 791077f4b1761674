"""The attacker's steps, each written into every log that would show it. Payloads are inert: marks without code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from exhume.simulator.background import cmdlet
from exhume.simulator.desk import Desk

PYTHON = "python-requests/2.25.1"
SERVICES = "ExchangeServicesClient/0.0.0.0"
OAB = "22222222-0000-4000-8000-00000000000b"
INERT = "http://f/<scr" + 'ipt language="JScript" ru' + 'nat="server">/* inert sample of a simulator */</scr' + "ipt>"
"""An address-book URL with a script tag, as the 2021 attackers set it, with a comment where their code stood."""

Step = Callable[[Desk, datetime, Mapping[str, Any]], None]


def _agent(step: Mapping[str, Any], otherwise: str = PYTHON) -> str:
    return str(step.get("agent", otherwise))


def probes(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """Tests that failed or prove nothing: refused requests, a scanner's localhost anchor, an address look-up."""
    address = str(step["from"])
    for status in (500, 401, 404):
        _ssrf(desk, moment, step, "/ecp/y.js", "a]@ex01.contoso.test:444/ecp/proxyLogon.ecp?#", status)
        moment += timedelta(seconds=3)
    _ssrf(desk, moment, step, "/owa/auth/x.js", "localhost/owa/auth/logon.aspx?", 500, "Owa")
    for stem, status in (("/aspnet_client/discover.aspx", 404), ("/owa/auth/shell.aspx", 302)):
        desk.request("Owa", moment, stem=stem, address=address, agent=_agent(step), status=status)
    _path_confusion(desk, moment, step, "/powershell/", 401)


def proxylogon(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """The whole chain with its usual spacing; ``until: session`` stops after the session."""
    target = "a]@ex01.contoso.test:444"
    _ssrf(desk, moment, {**step, "agent": SERVICES}, "/ecp/y.js", f"{target}/autodiscover/autodiscover.xml?#", 200)
    moment += timedelta(seconds=1.5)
    _ssrf(
        desk,
        moment,
        step,
        "/ecp/y.js",
        f"{target}/mapi/emsmdb?MailboxId=5d1f0000-0000-4000-8000-000000000003@contoso.test#",
        200,
    )
    moment += timedelta(seconds=2.5)
    _ssrf(desk, moment, step, "/ecp/y.js", f"{target}/ecp/proxyLogon.ecp?#", 241)
    if step.get("until") == "session":
        return
    canary = str(step.get("canary", "AbC."))
    service = f"/ecp/DDI/DDIService.svc/%s?msExchEcpCanary={canary}&schema=%s"
    for verb, schema, wait in (
        ("GetObject", "OABVirtualDirectory", 5),
        ("SetObject", "OABVirtualDirectory", 3),
        ("SetObject", "ResetOABVirtualDirectory", 3),
        ("SetObject", "OABVirtualDirectory", 3),
    ):
        moment += timedelta(seconds=wait)
        _ssrf(desk, moment, step, "/ecp/y.js", target + service % (verb, schema) + "#", 200)
        command = f"Set-OabVirtualDirectory.ExternalUrl='{INERT}'.Identity='{OAB}'"
        if schema.startswith("Reset"):
            command = "Remove-OABVirtualDirectory.Force=$true.Identity='EX01\\OAB (Default Web Site)'"
        elif verb == "GetObject":
            command = f"Get-OabVirtualDirectory.Identity='{OAB}'"
        elif wait == 3 and desk.files.get("_set"):
            command = f"Set-OabVirtualDirectory.ExternalUrl=$null.Identity='{OAB}'"
        else:
            desk.files["_set"] = b"1"
            cmdlet(
                desk,
                moment,
                "Set-OabVirtualDirectory",
                f'-ExternalUrl "{INERT}" -Identity "{OAB}"',
                "contoso.test/Users/Administrator",
            )
        url = service % (verb, schema)
        desk.ecp(moment, [("S:TIME", "812"), ("S:CMD", command), ("S:URL", url), ("S:EX", ""), ("S:BLD", desk.build)])
    desk.files.pop("_set", None)


def mail_theft(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """Mail read over the forged session."""
    for _ in range(int(step.get("count", 20))):
        _ssrf(desk, moment, step, "/ecp/y.js", "a]@ex01.contoso.test:444/EWS/Exchange.asmx?#", 200, size=350_000)
        moment += timedelta(seconds=4)


def shell(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """A web shell is asked for: once with GET, then driven with POST."""
    stem = str(step["url"])
    desk.request("Owa", moment, stem=stem, address=str(step["from"]), agent=_agent(step), status=200)
    for _ in range(int(step.get("posts", 3))):
        moment += timedelta(seconds=11)
        desk.request("Owa", moment, method="POST", stem=stem, address=str(step["from"]), agent=_agent(step), status=200)


def process(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """A program that the web server started, as the Security log shows it."""
    desk.event(
        "Security",
        "Microsoft-Windows-Security-Auditing",
        4688,
        moment,
        {
            "SubjectUserName": f"{desk.server}$",
            "SubjectDomainName": "CONTOSO",
            "NewProcessName": str(step["image"]),
            "CommandLine": str(step["command"]),
            "ParentProcessName": "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
        },
    )


def proxyshell(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """Path confusion to the back end's PowerShell, the export right, and a mailbox exported to a page."""
    for stem in ("/mapi/nspi", "/powershell/"):
        _path_confusion(desk, moment, step, stem, 200)
        moment += timedelta(seconds=5)
    who = "contoso.test/Users/Administrator"
    cmdlet(desk, moment, "New-ManagementRoleAssignment", '-Role "Mailbox Import Export" -User "Administrator"', who)
    moment += timedelta(seconds=20)
    parameters = f'-Mailbox "Administrator" -FilePath "\\\\127.0.0.1\\C$\\{step["drop"]}" -IncludeFolders "#Drafts#"'
    cmdlet(desk, moment, "New-MailboxExportRequest", parameters, who)
    cmdlet(
        desk, moment + timedelta(minutes=1), "Remove-MailboxExportRequest", '-Identity "Administrator" -Confirm "False"', who
    )


def proxytoken(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """An inbox rule made without a log-on."""
    for _ in range(3):
        stem = "/ecp/amartin@contoso.test/RulesEditor/InboxRules.svc/NewObject"
        desk.request("Ecp", moment, method="POST", stem=stem, address=str(step["from"]), agent=_agent(step), status=500)
        moment += timedelta(seconds=2)


def proxynotshell(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """ProxyShell's path once more, with a stolen account."""
    _path_confusion(desk, moment, step, "/powershell/", 200, user="CONTOSO\\amartin")


def owassrf(desk: Desk, moment: datetime, step: Mapping[str, Any]) -> None:
    """Remote PowerShell through OWA's path."""
    stem = "/owa/mastermailbox@contoso.test/powershell"
    for _ in range(4):
        desk.request(
            "Owa",
            moment,
            method="POST",
            stem=stem,
            user="CONTOSO\\amartin",
            address=str(step["from"]),
            agent=_agent(step),
            back="/powershell",
        )
        desk.rps(
            moment,
            {
                "RequestId": desk.guid(),
                "UrlHost": "ex01.contoso.test",
                "UrlStem": "/powershell",
                "AuthenticationType": "Kerberos",
                "IsAuthenticated": "true",
                "AuthenticatedUser": "CONTOSO\\amartin",
                "ClientIpAddress": str(step["from"]),
                "HttpStatus": 200,
                "Action": "Command",
                "ClientInfo": "pywinrm-like client",
            },
        )
        moment += timedelta(seconds=3)


def _ssrf(
    desk: Desk,
    moment: datetime,
    step: Mapping[str, Any],
    stem: str,
    anchor: str,
    status: int,
    protocol: str = "Ecp",
    size: int = 1800,
) -> None:
    desk.request(
        protocol,
        moment,
        method="POST",
        stem=stem,
        address=str(step["from"]),
        agent=_agent(step),
        status=status,
        proxy={
            "AnchorMailbox": f"ServerInfo~{anchor}",
            "RoutingHint": "X-BEResource-Cookie",
            "ProxyAction": "Proxy",
            "BackEndStatus": status,
            "ResponseBytes": size,
            "TargetServer": "a]@ex01.contoso.test",
        },
    )


def _path_confusion(desk: Desk, moment: datetime, step: Mapping[str, Any], tail: str, status: int, user: str = "") -> None:
    query = f"@contoso.test{tail}?X-Rps-CAT=inert&Email=autodiscover/autodiscover.json%3F@contoso.test"
    desk.request(
        "Autodiscover",
        moment,
        method="POST",
        stem="/autodiscover/autodiscover.json",
        query=query,
        user=user,
        address=str(step["from"]),
        agent=_agent(step),
        status=status,
    )


STEPS: dict[str, Step] = {
    step.__name__.replace("_", "-"): step
    for step in (probes, proxylogon, mail_theft, shell, process, proxyshell, proxytoken, proxynotshell, owassrf)
}
