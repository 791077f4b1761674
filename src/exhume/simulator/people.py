"""What people, their devices and the internet's noise do on an ordinary day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from exhume.simulator.desk import DOMAIN, Desk

NAMES = ("amartin", "bkoch", "cdupont", "dnovak", "egarcia", "fmeyer", "gleroy", "hsmith", "ilarsen", "jrossi")
CLIENTS = tuple(f"198.51.100.{n}" for n in range(20, 60))
SCANNERS = tuple(f"203.0.113.{n}" for n in range(200, 215))
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13127; Pro)"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.190 Safari/537.36"
PHONE = "Apple-iPhone12C1/1803.55"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SID = "S-1-5-21-1004336348-1177238915-682003330"
BUSY = (1, 1, 1, 1, 1, 2, 4, 8, 12, 12, 11, 10, 8, 11, 12, 11, 10, 7, 4, 3, 2, 2, 1, 1)
"""Requests of people by UTC hour, relative."""


def weight(hour: datetime) -> float:
    """How busy people are in this hour, relative; a weekend has a third of a working day."""
    return BUSY[hour.hour] * (0.3 if hour.weekday() >= 5 else 1)


def one(desk: Desk, moment: datetime) -> None:
    """One of the things people do, in every log that shows it. It is over within 12 seconds."""
    desk.chance.choice(_PEOPLE)(desk, moment)


def _who(desk: Desk) -> tuple[str, str, str, str]:
    """Somebody: name, account, address, and what the front end finds the mailbox by."""
    number = desk.chance.randrange(len(NAMES))
    return NAMES[number], f"CONTOSO\\{NAMES[number]}", desk.chance.choice(CLIENTS), f"Sid~{SID}-{1101 + number}"


def mailbox(name: str) -> str:
    """The id of a mailbox: the same for the same name."""
    return f"5d1f{sum(name.encode()):04x}-7c3e-4b52-9d0a-000000000001"


def _outlook(desk: Desk, moment: datetime) -> None:
    name, user, address, _ = _who(desk)
    request_id = desk.request(
        "Mapi", moment, method="POST", stem="/mapi/emsmdb/", query=f"MailboxId={mailbox(name)}@{DOMAIN}", user=user,
        address=address,
        agent="Microsoft Office/16.0 (Windows NT 10.0; MAPICPL 16.0.13127; Pro)", back="/mapi/emsmdb/",
        proxy={"AnchorMailbox": f"MailboxGuid~{mailbox(name)}", "RoutingHint": "MailboxGuidWithDomain", "Organization": DOMAIN},
    )  # fmt: skip
    desk.csv("mapihttp", "mapihttp", moment, {
        "RequestId": request_id, "RequestType": desk.chance.choice(("Execute", "NotificationWait", "Connect")),
        "HttpStatusCode": 200, "ResponseCode": 0, "TotalRequestLatency": 14, "AuthenticatedUserEmail": f"{name}@{DOMAIN}",
        "MailboxId": mailbox(name), "ClientIP": address, "SourceCafeServer": desk.host, "ClientSoftware": "OUTLOOK.EXE",
        "ClientSoftwareVersion": "16.0.13127.20164", "ClientMode": "Cached", "AuthenticationType": "Negotiate",
    })  # fmt: skip


def _autodiscover(desk: Desk, moment: datetime) -> None:
    name, user, address, _ = _who(desk)
    stem = "/Autodiscover/Autodiscover.xml"
    desk.request(
        "Autodiscover", moment, method="POST", stem=stem, user=user, address=address, agent=OUTLOOK, back=stem,
        proxy={"AnchorMailbox": f"SMTP:{name}@{DOMAIN}", "RoutingHint": "WindowsIdentity"},
    )  # fmt: skip


def _phone(desk: Desk, moment: datetime) -> None:
    name, user, address, anchor = _who(desk)
    command = desk.chance.choice(("Ping", "Sync", "Sync", "FolderSync"))
    desk.request(
        "Eas", moment, method="POST", stem="/Microsoft-Server-ActiveSync/default.eas",
        query=f"Cmd={command}&User={name}%40{DOMAIN}&DeviceId=F2K{sum(name.encode()):09d}&DeviceType=iPhone", user=user,
        address=address, agent=PHONE, back="/Microsoft-Server-ActiveSync/Proxy/default.eas",
        proxy={"AnchorMailbox": anchor, "RoutingHint": "WindowsIdentity", "AuthenticationType": "Basic"},
    )  # fmt: skip


def _owa(desk: Desk, moment: datetime) -> None:
    _, user, address, anchor = _who(desk)
    desk.request("Owa", moment, stem="/owa/", address=address, agent=BROWSER, status=302)
    later = moment + timedelta(milliseconds=400)
    query = f"url=https%3a%2f%2fmail.{DOMAIN}%2fowa%2f&reason=0"
    desk.request("Owa", later, stem="/owa/auth/logon.aspx", query=query, address=address, agent=BROWSER)
    later += timedelta(seconds=9)
    desk.request("Owa", later, method="POST", stem="/owa/auth.owa", address=address, agent=BROWSER, status=302, user=user)
    later += timedelta(seconds=1)
    found = {"AnchorMailbox": anchor, "RoutingHint": "WindowsIdentity", "AuthenticationType": "FBA"}
    desk.request("Owa", later, stem="/owa/", address=address, agent=BROWSER, user=user, back="/owa/", proxy=found)
    action = desk.chance.choice(("GetItem", "FindItem", "GetConversationItems", "UpdateItem"))
    desk.request(
        "Owa", later + timedelta(seconds=1), method="POST", stem="/owa/service.svc", query=f"action={action}&EP=1&ID=-12&AC=1",
        address=address, agent=BROWSER, user=user, back="/owa/service.svc", proxy=found,
    )  # fmt: skip


def _ews(desk: Desk, moment: datetime) -> None:
    name, user, address, anchor = _who(desk)
    stem = "/EWS/Exchange.asmx"
    request_id = desk.request(
        "Ews", moment, method="POST", stem=stem, user=user, address=address, agent=OUTLOOK, back=stem,
        proxy={"AnchorMailbox": anchor, "RoutingHint": "WindowsIdentity"},
    )  # fmt: skip
    action = desk.chance.choice(("GetUserAvailabilityRequest", "SyncFolderItems", "GetItem"))
    ews(desk, moment, request_id, f"{name}@{DOMAIN}", OUTLOOK, address, action)


def ews(
    desk: Desk, moment: datetime, request_id: str, user: str, agent: str, address: str, action: str, size: int = 2400
) -> None:
    """The back end's own row of an Exchange Web Services request."""
    desk.csv("ews", "ews", moment, {
        "RequestId": request_id, "Ring": "Unknown", "AuthenticationType": "Negotiate", "IsAuthenticated": "true",
        "AuthenticatedUser": user, "Organization": DOMAIN, "UserAgent": agent.replace(",", " "), "ClientIpAddress": address,
        "FrontEndServer": desk.server, "SoapAction": action, "HttpStatus": 200, "RequestSize": 1200, "ResponseSize": size,
        "TaskType": "LocalTask", "TotalRequestTime": 21,
    })  # fmt: skip


def scanner(desk: Desk, moment: datetime) -> None:
    """The internet's noise: a search engine, or a scanner that tries well-known pages."""
    address = desk.chance.choice(SCANNERS)
    if desk.chance.random() < 0.3:
        desk.request("", moment, stem="/robots.txt", address=address, agent=GOOGLEBOT, status=404)
        desk.request("Owa", moment + timedelta(seconds=2), stem="/owa/", address=address, agent=GOOGLEBOT, status=302)
        return
    for protocol, stem, status in (
        ("", "/", 302), ("", "/manager/html", 404), ("", "/.env", 404), ("Owa", "/owa/", 302),
        ("Ews", "/ews/exchange.asmx", 401), ("RpcHttp", "/rpc", 401), ("Autodiscover", "/autodiscover/autodiscover.xml", 401),
    ):  # fmt: skip
        desk.request(protocol, moment, stem=stem, address=address, agent="Mozilla/5.0 zgrab/0.x", status=status)
        moment += timedelta(milliseconds=700)
    cells = {
        "c-ip": address, "c-port": 51000 + moment.minute, "s-ip": "192.0.2.10", "s-port": 443, "cs-version": "HTTP/1.1",
        "cs-method": "GET", "cs-uri": "/", "sc-status": 400, "s-reason": "Hostname",
    }  # fmt: skip
    desk.w3c("httperr", "httperr", moment, cells)


def mail(desk: Desk, moment: datetime) -> None:
    """A message comes in, and is delivered."""
    sender, (receiver, *_) = f"news{desk.chance.randrange(90)}@example.test", _who(desk)
    common = {
        "server-hostname": desk.server, "internal-message-id": desk.chance.randrange(10**6), "network-message-id": desk.guid(),
        "message-id": f"<{desk.guid()}@example.test>", "recipient-address": f"{receiver}@{DOMAIN}", "total-bytes": 48213,
        "recipient-count": 1, "message-subject": "Weekly news, and dates", "sender-address": sender, "return-path": sender,
        "directionality": "Incoming", "schema-version": desk.padded,
    }  # fmt: skip
    for source, event, after in (("SMTP", "RECEIVE", 0), ("STOREDRIVER", "DELIVER", 700)):
        when = moment + timedelta(milliseconds=after)
        desk.tracking(when, common | {"source": source, "event-id": event, "client-ip": "198.51.100.200"})


_PEOPLE: tuple[Callable[[Desk, datetime], None], ...] = (
    _outlook, _outlook, _outlook, _autodiscover, _phone, _phone, _phone, _owa, _ews, _ews,
)  # fmt: skip
