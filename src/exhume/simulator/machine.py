"""What the server does by itself, around the clock: health probes on front and back end, services, and its administrator."""

from __future__ import annotations

from datetime import datetime, timedelta

from exhume.simulator import rows
from exhume.simulator.desk import DOMAIN, OWN_ADDRESS, Desk
from exhume.simulator.people import BROWSER, CLIENTS, SID, ews, mailbox

HEALTH = "HealthMailbox0a1b2c3d4e5f60718293a4b5c6d7e8f9"
PROBE = "AMProbe/Local/ClientAccess"
ADMINISTRATOR = f"{DOMAIN}/Admins/adm-weber"
OAB_URL = f"https://mail.{DOMAIN}/OAB"
SYSTEM = "NT AUTHORITY\\SYSTEM"
SYSTEM32 = "C:\\Windows\\System32"
INSTALLED = "C:\\Program Files\\Microsoft\\Exchange Server\\V15"


def probes(desk: Desk, moment: datetime) -> None:
    """One round of Managed Availability's probes, against every protocol that is busy on a real server."""
    user = f"CONTOSO\\{HEALTH}"
    for protocol, stem in (("Owa", "/owa/healthcheck.htm"), ("Ecp", "/ecp/healthcheck.htm"), ("Ews", "/ews/healthcheck.htm")):
        desk.request(protocol, moment, stem=stem, address="127.0.0.1", agent=PROBE)
    desk.request(
        "Mapi", moment + timedelta(seconds=1), method="POST", stem="/mapi/emsmdb/",
        query=f"mailboxId={mailbox(HEALTH)}@{DOMAIN}",
        user=user, address="fe80::1234:5678:9abc:245e%3", agent="MapiHttpClient", back="/mapi/emsmdb/", back_user=desk.machine,
        proxy={"AnchorMailbox": f"MailboxGuid~{mailbox(HEALTH)}", "RoutingHint": "MailboxGuidWithDomain"},
    )  # fmt: skip
    stem = "/Autodiscover/autodiscover.svc"
    desk.request(
        "Autodiscover", moment + timedelta(seconds=2), method="POST", stem=stem, user=user, address="::1",
        agent="Autodiscover_AM_Probe/Local (ExchangeServicesClient/15.01.2176.002)", back=stem, back_user=user,
        proxy={"AnchorMailbox": f"SMTP:{HEALTH}@{DOMAIN}", "RoutingHint": "WindowsIdentity"},
    )  # fmt: skip
    desk.iis(2, moment + timedelta(seconds=3), {
        "cs-method": "GET", "cs-uri-stem": "/owa/exhealth.check", "s-port": 444, "cs-username": desk.machine,
        "c-ip": OWN_ADDRESS, "cs(User-Agent)": PROBE, "sc-status": 200,
    })  # fmt: skip


def hourly(desk: Desk, hour: datetime) -> None:
    """Rarer probes, and what services write once an hour."""
    at = hour + timedelta(minutes=desk.chance.randrange(10), seconds=desk.chance.randrange(60))
    user = f"CONTOSO\\{HEALTH}"
    agent = "Ews_AM_Probe/Local (ExchangeServicesClient/15.01.2176.002)"
    request_id = desk.request("Ews", at, method="POST", stem="/EWS/Exchange.asmx", user=user, address="::1", agent=agent,
                              back="/EWS/Exchange.asmx", back_user=user)  # fmt: skip
    ews(desk, at, request_id, f"{HEALTH}@{DOMAIN}", agent, "::1", "GetFolder", 666)
    if hour.hour % 4 == 0:
        desk.request("Oab", at, stem="/OAB/healthcheck.htm", address="127.0.0.1", agent=PROBE)
        desk.request("RpcHttp", at, stem="/rpc/healthcheck.htm", address="127.0.0.1", agent=PROBE)
        desk.request("Eas", at, stem="/Microsoft-Server-ActiveSync/healthcheck.htm", address="127.0.0.1", agent=PROBE)
        _powershell(desk, at)
        desk.ecp(at, [
            ("S:TIME", "31"), ("S:SID", desk.guid()), ("S:CMD", "Pipeline.1|Get-MailboxRegionalConfiguration"), ("S:REQID", ""),
            ("S:URL", "/ecp/default.aspx"), ("S:EX", ""), ("S:ACTID", desk.guid()), ("S:RS", "0"), ("S:BLD", desk.build),
        ])  # fmt: skip
        desk.ecp(at, [
            ("S:PSA", f"<PII>{HEALTH}@{DOMAIN}</PII>"), ("S:URL", "https://localhost:444/ecp/RulesEditor/InboxRules.svc/GetList"),
            ("S:Bld", desk.build), ("S:ActID", desk.guid()), ("Dbl:WLM.TS", "16"),
        ], activity=True)  # fmt: skip
    _events(desk, at)


def _powershell(desk: Desk, at: datetime) -> None:
    """The probe of remote PowerShell: front end, back end, and both of PowerShell's own logs."""
    user = f"CONTOSO\\{HEALTH}"
    request_id = desk.request("PowerShell", at, method="POST", stem="/powershell", user=user, address="::1",
                              agent="Microsoft WinRM Client", back="/powershell", back_user=desk.machine,
                              proxy={"ProtocolAction": "New-PSSession:Receive"})  # fmt: skip
    for client in ("Exchange BackEnd Probes", "Microsoft WinRM Client", ""):
        desk.csv("rps-http", "rps-http", at, rps_cells(desk, at, request_id, user, "::1", client))
    cmdlet_row(desk, at, "Get-Mailbox", '-ResultSize "1"', user, "ActiveMonitor")


def rps_cells(desk: Desk, at: datetime, request_id: str, user: str, address: str, client: str) -> dict[str, object]:
    """Cells of a row of the PowerShell back end."""
    return {
        "StartTime": rows.stamp(at), "RequestId": request_id, "UrlHost": f"{desk.host}:444", "UrlStem": "/powershell",
        "AuthenticationType": "Kerberos", "IsAuthenticated": "true", "AuthenticatedUser": user, "ClientIpAddress": address,
        "FrontEndServer": desk.host, "HttpStatus": 200, "SubStatus": 0, "Action": "Command", "SessionId": desk.guid(),
        "ShellId": desk.guid(), "RequestBytes": 2100, "ClientInfo": client, "TotalTime": 44,
    }  # fmt: skip


def cmdlet_row(desk: Desk, at: datetime, name: str, parameters: str, user: str, application: str) -> None:
    """A row of PowerShell's cmdlet log."""
    desk.csv("rps-cmdlet", "rps-cmdlet", at, {
        "StartTime": rows.stamp(at), "RequestId": desk.guid(), "ProcessId": 7816,
        "ProcessName": "w3wp#MSExchangePowerShellAppPool",
        "ThreadId": 42, "CultureInfo": "en-US", "AuthenticatedUser": user, "ExecutingUserSid": f"{SID}-1107",
        "EffectiveOrganization": "First Organization", "IsAdmin": "True", "ClientApplication": application, "Cmdlet": name,
        "Parameters": parameters, "CmdletUniqueId": desk.guid(), "ExecutionResult": "Success",
    })  # fmt: skip


def _events(desk: Desk, at: datetime) -> None:
    """What the event logs of any server fill up with."""
    event_4624(desk, at, HEALTH, "127.0.0.1")
    process(desk, at + timedelta(seconds=1), f"{SYSTEM32}\\svchost.exe", "svchost.exe -k netsvcs", f"{SYSTEM32}\\services.exe",
            f"{SYSTEM32}\\services.exe")  # fmt: skip
    if at.hour % 6 == 0:
        desk.event("System", "Service Control Manager", 7036, at, {"param1": "Windows Update", "param2": "running"})
        desk.event(
            "Application", "MSExchange ADAccess", 2080, at, ["MSEXCHANGEADTOPOLOGYSERVICE.EXE", "1420", f"dc01.{DOMAIN}"]
        )
        caller = f"{SYSTEM} (MSExchangeHMWorker)"
        identity = f"{DOMAIN}/Microsoft Exchange System Objects/Monitoring Mailboxes/{HEALTH}"
        cmdlet(desk, at, "Set-Mailbox", f'-Identity "{identity}" -Password "**********"', caller)
        folder = f"{INSTALLED}\\ClientAccess\\OAB\\d2a7b1c0-5e4f-4a51-8f0c-000000000001\\"
        text = f"Download failed and temporary file '{folder}oab.tmp' needs to be removed."
        message = text if at.hour == 6 else "Generation of the offline address book finished."
        cells = {"date-time": rows.stamp(at), "process-id": 2240, "message": message}
        desk.write("oab", at, rows.csv_row(rows.fields("oab"), cells))


def event_4624(desk: Desk, at: datetime, name: str, address: str, kind: int = 3) -> None:
    """A successful log-on."""
    desk.event("Security", "Microsoft-Windows-Security-Auditing", 4624, at, {
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": f"{desk.server}$", "SubjectDomainName": "CONTOSO",
        "TargetUserName": name, "TargetDomainName": "CONTOSO", "TargetLogonId": f"0x{desk.chance.randrange(1 << 28):x}",
        "LogonType": str(kind), "LogonProcessName": "Kerberos", "AuthenticationPackageName": "Kerberos",
        "WorkstationName": "-", "ProcessName": "-", "IpAddress": address, "IpPort": "51022",
    }, 0)  # fmt: skip


def process(desk: Desk, at: datetime, image: str, command: str, parent: str, parent_command: str, user: str = SYSTEM) -> None:
    """A program starts: event 4688, and Sysmon's event 1, which alone tells the parent's command line."""
    number = desk.chance.randrange(800, 19_000)
    domain, _, name = user.rpartition("\\")
    desk.event("Security", "Microsoft-Windows-Security-Auditing", 4688, at, {
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": name, "SubjectDomainName": domain, "SubjectLogonId": "0x3e7",
        "NewProcessId": hex(number), "NewProcessName": image, "TokenElevationType": "%%1936", "ProcessId": hex(number + 88),
        "CommandLine": command, "TargetUserSid": "S-1-0-0", "TargetUserName": "-", "TargetDomainName": "-",
        "TargetLogonId": "0x0", "ParentProcessName": parent, "MandatoryLabel": "S-1-16-16384",
    }, 0)  # fmt: skip
    desk.event("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 1, at, {
        "RuleName": "-", "UtcTime": f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}", "ProcessGuid": f"{{{desk.guid()}}}",
        "ProcessId": str(number), "Image": image, "CommandLine": command, "CurrentDirectory": f"{SYSTEM32}\\inetsrv\\",
        "User": user, "LogonId": "0x3e7", "IntegrityLevel": "System", "ParentProcessId": str(number + 88),
        "ParentImage": parent, "ParentCommandLine": parent_command,
    })  # fmt: skip


def cmdlet(desk: Desk, at: datetime, name: str, parameters: str, caller: str, event_id: int = 1, error: str = "") -> None:
    """An event of MSExchange Management, its insertion strings in Exchange's order."""
    data = [""] * 27
    data[0:7] = [name, parameters, caller, f"{SID}-1107", f"{SID}-1107", "Remote-ManagementShell-Unknown",
                 "7816 w3wp#MSExchangePowerShellAppPool"]  # fmt: skip
    data[8:10] = ["42", "00:00:00.2030000"]
    data[10] = f"View Entire Forest: 'False', Default Scope: '{DOMAIN}', Configuration Domain Controller: 'dc01.{DOMAIN}'"
    data[11], data[12], data[17], data[19] = error, "0", "False", "0 objects execution has been proxied to remote server."
    data[23], data[24], data[26] = f"ActivityId: {desk.guid()}", "ServicePlan:;IsAdmin:True;", "en-US"
    desk.event("MSExchange Management", "MSExchange CmdletLogs", event_id, at, data, 4 if event_id == 1 else 2)


def administrator(desk: Desk, at: datetime) -> None:
    """A named administrator sets the address book's URL: looks like ProxyLogon's write to careless rules."""
    user, canary, schema = "CONTOSO\\adm-weber", "Zm9vYmFy.", "schema=OABVirtualDirectory"
    stem = "/ecp/DDI/DDIService.svc/SetObject"
    query = f"{schema}&msExchEcpCanary={canary}"
    desk.request(
        "Ecp", at, method="POST", stem=stem, query=query, user=user, address=CLIENTS[0], agent=BROWSER, back=stem,
        back_user=user,
        proxy={"AnchorMailbox": f"Sid~{SID}-1107", "RoutingHint": "WindowsIdentity", "AuthenticationType": "FBA"},
    )  # fmt: skip
    command = f"Set-OabVirtualDirectory.ExternalUrl='{OAB_URL}'.Identity='11111111-0000-4000-8000-00000000000a'"
    ecp_command(desk, at, command, f"{stem}?msExchEcpCanary={canary}&{schema}")
    desk.ecp(
        at, [("S:PSA", f"<PII>{user}</PII>"), ("S:URL", f"https://{desk.host}:444{stem}"), ("S:Bld", desk.build)], activity=True
    )
    cmdlet(desk, at, "Set-OabVirtualDirectory", f'-ExternalUrl "{OAB_URL}" -Identity "{desk.server}\\OAB"', ADMINISTRATOR)


def ecp_command(desk: Desk, at: datetime, command: str, url: str, error: str = "") -> None:
    """A row of the admin centre's server log."""
    desk.ecp(at, [
        ("S:TIME", "640"), ("S:SID", desk.guid()), ("S:CMD", command), ("S:REQID", ""), ("S:URL", url),
        ("S:REFERRER", f"https://mail.{DOMAIN}/ecp/"), ("S:EX", error), ("S:ACTID", desk.guid()), ("S:RS", "0"),
        ("S:BLD", desk.build), ("S:TNAME", ""), ("S:TID", ""), ("S:USID", ""), ("S:EDOID", ""), ("S:ACID", ""),
    ])  # fmt: skip
