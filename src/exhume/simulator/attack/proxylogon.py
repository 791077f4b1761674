"""ProxyLogon step by step (CVE-2021-26855, -27065), as published victims' logs show it.

The forged request is told five times: HttpProxy row and IIS row of the front end (one request id), IIS row of the back end in
the machine account's name, row of the admin centre's log, event of MSExchange Management.

References: github.com/helsecert/2021-march-exchange (rows and spacing of a real chain); traces PL-855 and PL-065.
"""

from __future__ import annotations

from datetime import timedelta

from exhume.simulator import samples
from exhume.simulator.attack.stage import Play, Stage, moments, text
from exhume.simulator.desk import DOMAIN, OWN_ADDRESS
from exhume.simulator.machine import INSTALLED, cmdlet, ecp_command
from exhume.simulator.people import ews, mailbox
from exhume.simulator.scenario import Step

_DDI = "/ecp/DDI/DDIService.svc"
_LOOKUP = "ExchangeServicesClient/0.0.0.0"
_ADMINISTRATOR = f"{DOMAIN}/Users/Administrator"
W3WP = "C:\\Windows\\System32\\inetsrv\\w3wp.exe"


def forged(stage: Stage, step: Step, page: str, query: str = "", status: int = 200, agent: str = "", size: int = 1800) -> str:
    """One request whose cookie names the back-end page to call. Returns the request's id."""
    desk = stage.desk
    agent = agent or stage.agent(step)
    status = int(step.given.get("status", status))
    host = str(step.given.get("host", desk.host))
    target = f"{step.given.get('junk', 'a]@')}{host}"
    reached = host == desk.host and status not in (503, 401, 302)
    request_id = desk.request(
        "Ecp", step.at, method="POST", stem=str(step.given.get("stem", "/ecp/y.js")), address=stage.address(step), agent=agent,
        status=status,
        proxy={
            "AnchorMailbox": f"ServerInfo~{target}:444{page}?{query}#", "RoutingHint": "X-BEResource-Cookie",
            "BackEndStatus": status if reached else "", "ProxyAction": "Proxy", "TargetServer": target,
            "TargetServerVersion": desk.padded[:11] + "000", "RoutingType": "CrossRegion", "ResponseBytes": size,
            "AuthenticationType": "FBA",
        },
    )  # fmt: skip
    if reached:
        desk.iis(2, step.at, {
            "cs-method": "POST", "cs-uri-stem": page, "cs-uri-query": query, "s-port": 444, "cs-username": desk.machine,
            "c-ip": OWN_ADDRESS, "cs(User-Agent)": agent, "sc-status": status, "time-taken": 300,
        })  # fmt: skip
    return request_id


def autodiscover(stage: Stage, step: Step) -> None:
    """Is there a mailbox of this address, and what is it called?"""
    forged(stage, step, "/autodiscover/autodiscover.xml", agent=str(step.given.get("agent", _LOOKUP)))


def emsmdb(stage: Stage, step: Step) -> None:
    """The answer's error text tells the mailbox owner's SID."""
    stage.mailbox(f"{mailbox('administrator')}@{DOMAIN}", step)
    forged(stage, step, "/mapi/emsmdb/", f"MailboxId={mailbox('administrator')}@{DOMAIN}")


def session(stage: Stage, step: Step) -> None:
    """A session in the admin centre, answered 241."""
    stage.canary(step)
    forged(stage, step, "/ecp/proxyLogon.ecp", status=241)


def _ddi(stage: Stage, step: Step, action: str, schema: str, commands: tuple[str, ...], error: str = "") -> None:
    query = f"msExchEcpCanary={stage.canary(step)}&schema={schema}"
    forged(stage, step, f"{_DDI}/{action}", query)
    for number, command in enumerate(commands):
        ecp_command(stage.desk, step.at + timedelta(milliseconds=20 + 900 * number), command, f"{_DDI}/{action}?{query}", error)
    stage.desk.ecp(step.at, [
        ("S:PSA", f"<PII>Administrator@{DOMAIN}</PII>"), ("S:URL", f"https://{stage.desk.host}:444{_DDI}/{action}?{query}"),
        ("S:Bld", stage.desk.build),
    ], activity=True)  # fmt: skip


def get_oab(stage: Stage, step: Step) -> None:
    """Reads the OAB virtual directory to learn its id."""
    _ddi(stage, step, "GetObject", "OABVirtualDirectory", ("Get-OabVirtualDirectory",))


def set_oab(stage: Stage, step: Step) -> None:
    """Sets its external URL to a script."""
    stage.oab_url = samples.url_with_script(str(step.given.get("parameter", "sample")))
    command = f"Set-OabVirtualDirectory.ExternalUrl='{stage.oab_url}'.Identity='{stage.oab_guid}'"
    _ddi(stage, step, "SetObject", "OABVirtualDirectory", (command,))
    parameters = f'-ExternalUrl "{stage.oab_url}" -Identity "{stage.oab_guid}"'
    cmdlet(stage.desk, step.at, "Set-OabVirtualDirectory", parameters, _ADMINISTRATOR)


def reset_oab(stage: Stage, step: Step) -> None:
    """Resets it: its settings are saved to a file of the attacker's choice, and it is made anew with another id."""
    desk = stage.desk
    identity = f"{desk.server}\\OAB (Default Web Site)"
    folder = f"{INSTALLED}\\FrontEnd\\HttpProxy\\OAB"
    _ddi(stage, step, "SetObject", "ResetOABVirtualDirectory", (
        "Get-OABVirtualDirectory", "Get-ExchangeServer", f"Remove-OABVirtualDirectory.Force=$true.Identity='{identity}'",
        f"New-OABVirtualDirectory.WebSiteName='Default Web Site'.Server='{desk.server}'.Path='{folder}'",
    ))  # fmt: skip
    later = step.at + timedelta(seconds=2)
    cmdlet(desk, later, "Remove-OabVirtualDirectory", f'-Force "True" -Identity "{identity}"', _ADMINISTRATOR)
    parameters = f'-WebSiteName "Default Web Site" -Server "{desk.server}" -Path "{folder}"'
    cmdlet(desk, later, "New-OabVirtualDirectory", parameters, _ADMINISTRATOR)
    if "file" in step.given:
        dump = samples.oab_dump(desk.server, desk.host, stage.oab_guid, step.at, str(step.given.get("parameter", "sample")))
        stage.wrote(step, text(step, "file"), dump, step.at + timedelta(seconds=1), W3WP)
    stage.oab_guid = desk.guid()


def clean_oab(stage: Stage, step: Step) -> None:
    """Empties the URL again; with the old id this fails, since the reset made a new one."""
    old = bool(step.given.get("old_id"))
    error = "Microsoft.Exchange.Data.Directory.ADNoSuchObjectException" if old else ""
    guid = "22222222-0000-4000-8000-000000000002" if old else stage.oab_guid
    command = f"Set-OabVirtualDirectory.ExternalUrl=$null.Identity='{guid}'"
    _ddi(stage, step, "SetObject", "OABVirtualDirectory", (command,), error)


def ews_read(stage: Stage, step: Step) -> None:
    """Mail read through forged EWS requests: no log-on, much data."""
    for number, moment in enumerate(moments(step)):
        again = Step(moment, step.what, step.actor, step.server, step.given)
        request_id = forged(stage, again, "/EWS/Exchange.asmx", size=64_000 + 911 * number)
        action = ("GetFolder", "FindItem", "GetItem")[min(number, 2)]
        ews(stage.desk, moment, request_id, stage.desk.machine, stage.agent(step), OWN_ADDRESS, action, 64_000 + 911 * number)


STEPS: dict[str, Play] = {
    "autodiscover-ssrf": autodiscover,
    "emsmdb": emsmdb,
    "proxylogon-session": session,
    "get-oab": get_oab,
    "set-oab": set_oab,
    "reset-oab": reset_oab,
    "clean-oab": clean_oab,
    "ews-read": ews_read,
}
