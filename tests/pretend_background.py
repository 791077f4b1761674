"""The quiet background of a fully logged Exchange server over some days: probes, an administrator's cmdlets, starts of
Windows' own programs, the folders of web pages and IIS's configuration. Nobody attacks here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

V15 = "C/Program Files/Microsoft/Exchange Server/V15/"
IIS = "C/inetpub/logs/LogFiles/"
EVENTS = "C/Windows/System32/winevt/Logs/"
FIELDS = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"
PROXY = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,UrlStem,"
    "ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,ClientIpAddress,"
    "ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method"
)
RPS_HTTP = (
    "DateTime,StartTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,UrlHost,UrlStem,"
    "AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,ManagedOrganization,ClientIpAddress,ServerHostName,"
    "FrontEndServer,HttpStatus,SubStatus,ErrorCode,Action,CommandId,CommandName,SessionId,ShellId"
)
RPS_CMDLET = (
    "DateTime,StartTime,RequestId,ClientRequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ServerHostName,ProcessId,"
    "ProcessName,ThreadId,CultureInfo,Organization,AuthenticatedUser,ExecutingUserSid,EffectiveOrganization,UserServicePlan,"
    "IsAdmin,ClientApplication,Cmdlet,Parameters"
)
PROTOCOLS = ("Autodiscover", "Eas", "Ecp", "Ews", "Mapi", "Oab", "Owa", "PowerShell", "RpcHttp")
HOST = "EX01"
PROBE = "HealthMailbox0659e34@contoso.test"
AGENT = "AMProbe/Local/ClientAccess"
SOFTWARE = "#Software: Microsoft Exchange Server\r\n"
_XMLNS = "http://schemas.microsoft.com/win/2004/08/events/event"


def background(since: date, until: date) -> dict[str, str]:
    """Path → text. Names of files that no case is likely to use, so that a case's own rows stand beside them."""
    out = dict(_standing())
    day = since
    while day <= until:
        hours = [datetime(day.year, day.month, day.day, hour, 7, 11, tzinfo=UTC) for hour in range(24)]
        for path, rows in _logs(day, hours):
            out[path] = rows
        day += timedelta(days=1)
    hours = [
        datetime(since.year, since.month, since.day, 0, 7, 11, tzinfo=UTC) + timedelta(hours=n)
        for n in range(24 * ((until - since).days + 1))
    ]
    out |= _event_logs(hours)
    return out


def _logs(day: date, hours: list[datetime]) -> Iterator[tuple[str, str]]:
    for site, port, stem in (("W3SVC1", 443, "/owa/healthcheck.htm"), ("W3SVC2", 444, "/ecp/healthcheck.htm")):
        rows = (f"{at:%Y-%m-%d %H:%M:%S} ::1 GET {stem} - {port} - ::1 {AGENT} - 200 0 0 3" for at in hours)
        head = f"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: {day} 00:00:03\r\n#Fields: {FIELDS}\r\n"
        yield f"{IIS}{site}/u_ex{day:%y%m%d}00_x.log", head + _text(rows)
    for name in PROTOCOLS:
        yield (
            f"{V15}Logging/HttpProxy/{name}/HttpProxy_{day:%Y%m%d}00-9.LOG",
            _exchange("HttpProxy Logs", day, PROXY, hours, lambda at, name=name: _proxied(at, name)),
        )
    yield (
        f"{V15}Logging/ECP/Server/ECPServer{day:%Y%m%d}-9.LOG",
        _exchange("ECP Server Log", day, "TimeStamp,ServerName,EventId,EventData", hours, _ecp),
    )
    rps = f"{V15}Logging/CmdletInfra/Powershell-Proxy/"
    yield f"{rps}Http/Rps_Http_{day:%Y%m%d}00-9.LOG", _exchange("Rps Http Logs", day, RPS_HTTP, hours, _rps_http)
    yield f"{rps}Cmdlet/Rps_Cmdlet_{day:%Y%m%d}00-9.LOG", _exchange("Rps Cmdlet Logs", day, RPS_CMDLET, hours, _rps_cmdlet)


def _exchange(kind: str, day: date, fields: str, hours: list[datetime], row: Callable[[datetime], str]) -> str:
    head = (
        f"\ufeff{SOFTWARE}#Version: 15.01.2176.002\r\n#Log-type: {kind}\r\n#Date: {day}T00:00:00.130Z\r\n#Fields: {fields}\r\n"
    )
    return head + _text(row(at) for at in hours)


def _proxied(at: datetime, name: str) -> str:
    stem = {"Eas": "/Microsoft-Server-ActiveSync", "RpcHttp": "/rpc", "Owa": "/owa", "Ecp": "/ecp"}.get(name, f"/{name}")
    return f"{_stamp(at)},{_guid(at)},15,1,2176,2,,{name},localhost,{stem}/healthcheck.htm,,,false,,,,{AGENT},::1,{HOST},200,200,,GET"


def _ecp(at: datetime) -> str:
    return f"{_stamp(at)},{HOST},ECP.Request,S:TIME=31;S:SID={_guid(at)};S:CMD=Get-MailboxRegionalConfiguration;S:REQID=;S:URL=/ecp/default.aspx;S:EX=;S:BLD=15.1.2176.2"


def _rps_http(at: datetime) -> str:
    return (
        f"{_stamp(at)},{_stamp(at)},{_guid(at)},15,1,2176,2,,localhost,/powershell,Kerberos,true,{PROBE},,,::1,{HOST},"
        f"{HOST},200,,,Command,{_guid(at)},Get-Mailbox,{_guid(at)},{_guid(at)}"
    )


def _rps_cmdlet(at: datetime) -> str:
    return (
        f"{_stamp(at)},{_stamp(at)},{_guid(at)},{_guid(at)},15,1,2176,2,{HOST},4711,w3wp#MSExchangePowerShellAppPool,12,en-US,,"
        f'{PROBE},S-1-5-21-1-2-3-1104,,,True,ActiveMonitor,Get-Mailbox,"-ResultSize ""1"""'
    )


def _event_logs(hours: list[datetime]) -> dict[str, str]:
    started = {"SubjectUserName": "EX01$", "NewProcessName": r"C:\Windows\System32\taskhostw.exe", "CommandLine": "taskhostw.exe",
               "ParentProcessName": r"C:\Windows\System32\svchost.exe"}  # fmt: skip
    cmdlet = ["Get-MailboxDatabase", '-Server "EX01"', "contoso.test/Users/Administrator", "S-1-5-21-1-2-3-500", "S-1-5-21-1-2-3-500",
              "Remote-ManagementShell-Unknown", "4711 w3wp#MSExchangePowerShellAppPool"]  # fmt: skip
    logs: dict[str, tuple[str, str, int, dict[str, str] | list[str]]] = {
        "Security": ("Security", "Microsoft-Windows-Security-Auditing", 4688, started),
        "MSExchange Management": ("MSExchange Management", "MSExchange CmdletLogs", 1, cmdlet),
        "Application": ("Application", "MSExchangeTransport", 17012, ["Agents", "started"]),
        "System": ("System", "Service Control Manager", 7036, {"param1": "Windows Modules Installer", "param2": "running"}),
    }
    return {
        f"{EVENTS}{name}-quiet.xml": _text(_event(at, number, *what) for number, at in enumerate(hours, 70001))
        for name, what in logs.items()
    }


def _event(at: datetime, number: int, channel: str, provider: str, event: int, data: dict[str, str] | list[str]) -> str:
    pairs = data.items() if isinstance(data, dict) else (("", value) for value in data)
    body = "".join(
        f"<Data{f' Name={chr(39)}{name}{chr(39)}' if name else ''}>{value.replace(chr(34), '&quot;')}</Data>"
        for name, value in pairs
    )
    return (
        f"<Event xmlns='{_XMLNS}'><System><Provider Name='{provider}'/><EventID>{event}</EventID><Level>4</Level>"
        f"<TimeCreated SystemTime='{_stamp(at)}'/><EventRecordID>{number}</EventRecordID><Channel>{channel}</Channel>"
        f"<Computer>{HOST}.contoso.test</Computer></System><EventData>{body}</EventData></Event>"
    )


def _standing() -> Iterator[tuple[str, str]]:
    """What does not change from day to day."""
    for folder in ("owa/auth", "ecp/auth", "oab"):
        yield f"{V15}FrontEnd/HttpProxy/{folder}/readme.txt", "kept by the administrators\r\n"
    yield "C/inetpub/wwwroot/aspnet_client/system_web/readme.txt", "kept by the administrators\r\n"
    yield "C/Windows/System32/inetsrv/config/applicationHost.config", _APPLICATION_HOST


def _text(rows: Iterator[str]) -> str:
    return "".join(f"{row}\r\n" for row in rows)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.130Z"


def _guid(at: datetime) -> str:
    return f"{at:%m%d%H%M}-0000-4000-8000-00000000b001"


_APPLICATION_HOST = """<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <system.applicationHost>
    <sites>
      <site name="Default Web Site" id="1" serverAutoStart="true">
        <application path="/" applicationPool="DefaultAppPool">
          <virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\wwwroot" />
        </application>
        <application path="/owa" applicationPool="MSExchangeOWAAppPool">
          <virtualDirectory path="/" physicalPath="C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa" />
        </application>
        <bindings>
          <binding protocol="http" bindingInformation="*:80:" />
          <binding protocol="https" bindingInformation="*:443:" />
        </bindings>
      </site>
      <site name="Exchange Back End" id="2" serverAutoStart="true">
        <application path="/" applicationPool="DefaultAppPool">
          <virtualDirectory path="/" physicalPath="C:\\inetpub\\wwwroot" />
        </application>
        <bindings>
          <binding protocol="https" bindingInformation="*:444:" />
        </bindings>
      </site>
    </sites>
  </system.applicationHost>
  <system.webServer>
    <globalModules>
      <add name="StaticFileModule" image="%windir%\\System32\\inetsrv\\static.dll" />
      <add name="kerbauth" image="C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin\\kerbauth.dll" />
      <add name="cafe_exppw" image="C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\bin\\exppw.dll" />
    </globalModules>
  </system.webServer>
</configuration>
""".replace("\n", "\r\n")
