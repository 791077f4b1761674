"""What an Exchange server writes on an ordinary day: people, their devices, health probes, and the internet's noise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from exhume.simulator.desk import Desk

USERS = tuple(f"CONTOSO\\{name}" for name in ("amartin", "bkoch", "cdupont", "dnovak", "egarcia", "fmeyer", "gleroy", "hsmith"))
CLIENTS = tuple(f"198.51.100.{n}" for n in range(20, 60))
SCANNERS = tuple(f"203.0.113.{n}" for n in range(200, 215))
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13127; Pro)"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.190 Safari/537.36"
PHONE = "Apple-iPhone12C1/1803.55"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HEALTH = "HealthMailbox0a1b2c3d4e5f60718293a4b5c6d7e8f9@contoso.test"
PROBE = "AMProbe/Local/ClientAccess"
BUSY = (1, 1, 1, 1, 1, 2, 4, 8, 12, 12, 11, 10, 8, 11, 12, 11, 10, 7, 4, 3, 2, 2, 1, 1)
"""Requests of people by UTC hour, relative."""


def hour(desk: Desk, start: datetime, rate: float) -> None:
    """One hour of background; ``rate`` scales what people do. Probes write every five minutes, day and night."""
    for minute in range(0, 60, 5):
        _probes(desk, start + timedelta(minutes=minute, seconds=desk.chance.randint(0, 200)))
    count = int(BUSY[start.hour] * (0.3 if start.weekday() >= 5 else 1) * rate) + 1
    for _ in range(count):
        moment = start + timedelta(milliseconds=desk.chance.randrange(3_500_000))
        desk.chance.choice(_PEOPLE)(desk, moment)
    if desk.chance.random() < 0.5:
        _scanner(desk, start + timedelta(seconds=desk.chance.randrange(3500)))
    _system(desk, start + timedelta(minutes=7))
    if start.hour == 9 and start.weekday() == 1:
        _administrator(desk, start + timedelta(minutes=12))


def _probes(desk: Desk, moment: datetime) -> None:
    for protocol, stem in (("Owa", "/owa/healthcheck.htm"), ("Ecp", "/ecp/healthcheck.htm"), ("Ews", "/ews/healthcheck.htm")):
        desk.request(protocol, moment, stem=stem, address="127.0.0.1", agent=PROBE, status=200)
    desk.request(
        "Mapi",
        moment + timedelta(seconds=1),
        method="POST",
        stem="/mapi/emsmdb/",
        query="useMailboxOfAuthenticatedUser=true",
        user=HEALTH,
        address="::1",
        agent="MapiHttpClient",
        back="/mapi/emsmdb/",
        proxy={"AnchorMailbox": "MailboxGuid~5d1f0000-0000-4000-8000-000000000001", "RoutingHint": "WindowsIdentity"},
    )
    desk.request(
        "Autodiscover", moment + timedelta(seconds=2), stem="/autodiscover/healthcheck.htm", address="127.0.0.1", agent=PROBE
    )
    desk.iis(
        2,
        moment + timedelta(seconds=3),
        {
            "s-ip": "192.0.2.10",
            "cs-method": "GET",
            "cs-uri-stem": "/owa/exhealth.check",
            "s-port": 444,
            "cs-username": f"CONTOSO\\{desk.server}$",
            "c-ip": "192.0.2.10",
            "cs(User-Agent)": PROBE,
            "sc-status": 200,
            "sc-substatus": 0,
            "sc-win32-status": 0,
            "time-taken": 4,
        },
    )


def _system(desk: Desk, moment: datetime) -> None:
    """What the server itself does every hour: a program started by Windows, a health cmdlet, a health page of ECP."""
    desk.event(
        "Security",
        "Microsoft-Windows-Security-Auditing",
        4688,
        moment,
        {
            "SubjectUserName": f"{desk.server}$",
            "SubjectDomainName": "CONTOSO",
            "CommandLine": "taskhostw.exe",
            "NewProcessName": "C:\\Windows\\System32\\taskhostw.exe",
            "ParentProcessName": "C:\\Windows\\System32\\svchost.exe",
        },
    )
    cmdlet(
        desk,
        moment,
        "Get-Mailbox",
        '-Identity "HealthMailbox0a1b2c3d"',
        "contoso.test/Monitoring Mailboxes/HealthMailbox0a1b2c3d",
    )
    desk.ecp(moment, [("S:TIME", "12"), ("S:CMD", ""), ("S:URL", "/ecp/exhealth.check"), ("S:EX", ""), ("S:BLD", desk.build)])


def _outlook(desk: Desk, moment: datetime) -> None:
    user = desk.chance.choice(USERS)
    desk.request(
        "Mapi",
        moment,
        method="POST",
        stem="/mapi/emsmdb/",
        query="MailboxId=5d1f0000-0000-4000-8000-000000000002@contoso.test",
        user=user,
        address=desk.chance.choice(CLIENTS),
        agent="Microsoft Office/16.0",
        back="/mapi/emsmdb/",
        proxy={"AnchorMailbox": "MailboxGuid~5d1f0000-0000-4000-8000-000000000002", "RoutingHint": "MailboxGuidWithDomain"},
    )


def _autodiscover(desk: Desk, moment: datetime) -> None:
    desk.request(
        "Autodiscover",
        moment,
        method="POST",
        stem="/Autodiscover/Autodiscover.xml",
        user=desk.chance.choice(USERS),
        address=desk.chance.choice(CLIENTS),
        agent=OUTLOOK,
        back="/Autodiscover/Autodiscover.xml",
        proxy={"AnchorMailbox": "SMTP:amartin@contoso.test"},
    )


def _phone(desk: Desk, moment: datetime) -> None:
    user = desk.chance.choice(USERS)
    desk.request(
        "Eas",
        moment,
        method="POST",
        stem="/Microsoft-Server-ActiveSync/default.eas",
        query="Cmd=Ping&User=amartin%40contoso.test&DeviceId=F2K0000000&DeviceType=iPhone",
        user=user,
        address=desk.chance.choice(CLIENTS),
        agent=PHONE,
        back="/Microsoft-Server-ActiveSync/Proxy/default.eas",
    )


def _owa(desk: Desk, moment: datetime) -> None:
    address, user = desk.chance.choice(CLIENTS), desk.chance.choice(USERS)
    desk.request("Owa", moment, stem="/owa/", address=address, agent=BROWSER, status=302)
    later = moment + timedelta(milliseconds=400)
    desk.request(
        "Owa",
        later,
        stem="/owa/auth/logon.aspx",
        query="url=https%3a%2f%2fmail.contoso.test%2fowa%2f&reason=0",
        address=address,
        agent=BROWSER,
    )
    later += timedelta(seconds=9)
    desk.request("Owa", later, method="POST", stem="/owa/auth.owa", address=address, agent=BROWSER, status=302, user=user)
    later += timedelta(seconds=1)
    desk.request("Owa", later, stem="/owa/", address=address, agent=BROWSER, user=user, back="/owa/")


def _ews(desk: Desk, moment: datetime) -> None:
    user = desk.chance.choice(USERS)
    address = desk.chance.choice(CLIENTS)
    request_id = desk.request(
        "Ews",
        moment,
        method="POST",
        stem="/EWS/Exchange.asmx",
        user=user,
        address=address,
        agent=OUTLOOK,
        back="/EWS/Exchange.asmx",
    )
    desk.ews(
        moment,
        {
            "RequestId": request_id,
            "AuthenticationType": "Negotiate",
            "IsAuthenticated": "true",
            "AuthenticatedUser": user,
            "UserAgent": OUTLOOK,
            "ClientIpAddress": address,
            "SoapAction": desk.chance.choice(("GetUserAvailability", "SyncFolderItems")),
            "HttpStatus": 200,
            "RequestSize": 1200,
            "ResponseSize": 2400,
        },
    )


def _scanner(desk: Desk, moment: datetime) -> None:
    address = desk.chance.choice(SCANNERS)
    if desk.chance.random() < 0.3:
        desk.request("Owa", moment, stem="/robots.txt", address=address, agent=GOOGLEBOT, status=404)
        return
    for stem, status in (("/", 302), ("/manager/html", 404), ("/.env", 404), ("/owa/", 302)):
        desk.request("Owa", moment, stem=stem, address=address, agent="Mozilla/5.0 zgrab/0.x", status=status)
        moment += timedelta(milliseconds=700)


def _administrator(desk: Desk, moment: datetime) -> None:
    """A named administrator sets the address book's URL: looks like ProxyLogon's write to careless rules."""
    user, address = "CONTOSO\\adm-weber", CLIENTS[0]
    stem, schema = "/ecp/DDI/DDIService.svc/SetObject", "schema=OABVirtualDirectory"
    desk.request(
        "Ecp",
        moment,
        method="POST",
        stem=stem,
        query=f"{schema}&msExchEcpCanary=Zm9v.",
        user=user,
        address=address,
        agent=BROWSER,
        back=stem,
        proxy={"AnchorMailbox": "Sid~S-1-5-21-1004336348-1177238915-682003330-1107"},
    )
    command = (
        "Set-OabVirtualDirectory.ExternalUrl='https://mail.contoso.test/OAB'.Identity='11111111-0000-4000-8000-00000000000a'"
    )
    desk.ecp(
        moment,
        [
            ("S:TIME", "640"),
            ("S:SID", desk.guid()),
            ("S:CMD", command),
            ("S:REQID", ""),
            ("S:URL", f"{stem}?msExchEcpCanary=Zm9v.&{schema}"),
            ("S:EX", ""),
            ("S:BLD", desk.build),
        ],
    )
    desk.ecp(moment, [("S:PSA", f"<PII>{user}</PII>"), ("S:URL", stem), ("S:Bld", desk.build)], activity=True)
    cmdlet(
        desk,
        moment,
        "Set-OabVirtualDirectory",
        '-ExternalUrl "https://mail.contoso.test/OAB" -Identity "EX01\\OAB"',
        "contoso.test/Admins/adm-weber",
    )


def cmdlet(desk: Desk, moment: datetime, name: str, parameters: str, caller: str, event_id: int = 1, error: str = "") -> None:
    """An event of MSExchange Management, its insertion strings in Exchange's order."""
    data = [""] * 27
    data[0:7] = [
        name,
        parameters,
        caller,
        "S-1-5-21-1-2-3-1107",
        "S-1-5-21-1-2-3-1107",
        "Remote-ManagementShell-Unknown",
        "7816 w3wp#MSExchangePowerShellAppPool",
    ]
    data[8:10] = ["42", "00:00:00.2030000"]
    data[11] = error
    data[23], data[24], data[26] = f"ActivityId: {desk.guid()}", "ServicePlan:;IsAdmin:True;", "en-US"
    desk.event("MSExchange Management", "MSExchange CmdletLogs", event_id, moment, data, 2 if event_id != 1 else 4)


_PEOPLE: tuple[Callable[[Desk, datetime], None], ...] = (
    _outlook,
    _outlook,
    _outlook,
    _autodiscover,
    _phone,
    _phone,
    _phone,
    _owa,
    _ews,
    _ews,
)
