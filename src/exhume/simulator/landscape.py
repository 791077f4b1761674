"""The folders of a clean server that a collector brings beside the logs: web folders, IIS and transport configuration.

Exchange's own pages are left out: their content is Microsoft's, and any other content would be a changed product page.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from xml.sax.saxutils import quoteattr

from exhume.simulator.desk import Desk
from exhume.simulator.places import ROOT

INSTALLED = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"
_PICTURE = b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + bytes(6) + b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
_STYLE = b'body { font-family: "Segoe UI", sans-serif; }\r\n'
_START = b"<!DOCTYPE html>\r\n<html><head><title>IIS Windows Server</title></head><body></body></html>\r\n"
_NATIVE = (
    ("UriCacheModule", "cachuri"), ("FileCacheModule", "cachfile"), ("TokenCacheModule", "cachtokn"),
    ("HttpCacheModule", "cachhttp"), ("StaticCompressionModule", "compstat"), ("DynamicCompressionModule", "compdyn"),
    ("DefaultDocumentModule", "defdoc"), ("DirectoryListingModule", "dirlist"), ("ProtocolSupportModule", "protsup"),
    ("StaticFileModule", "static"), ("AnonymousAuthenticationModule", "authanon"), ("BasicAuthenticationModule", "authbas"),
    ("WindowsAuthenticationModule", "authsspi"), ("RequestFilteringModule", "modrqflt"), ("CustomErrorModule", "custerr"),
    ("HttpLoggingModule", "loghttp"), ("TracingModule", "iisetw"), ("RequestMonitorModule", "iisreqs"),
    ("IsapiModule", "isapi"), ("IsapiFilterModule", "filter"), ("ConfigurationValidationModule", "validcfg"),
)  # fmt: skip
_NOT_LOADED = ("UriCacheModule", "FileCacheModule", "TokenCacheModule", "TracingModule", "RequestMonitorModule")
"""Native modules that IIS uses by itself: no site lists them."""
_OTHERS = (
    ("ManagedEngineV4.0_64bit", "%windir%\\Microsoft.NET\\Framework64\\v4.0.30319\\webengine4.dll"),
    ("WSMan", "C:\\Windows\\system32\\wsmsvc.dll"),
    ("kerbauth", f"{INSTALLED}Bin\\kerbauth.dll"),
    ("exppw", f"{INSTALLED}ClientAccess\\Owa\\auth\\exppw.dll"),
    ("cafe_exppw", f"{INSTALLED}FrontEnd\\HttpProxy\\bin\\exppw.dll"),
    ("PasswordExpiryModule", "C:\\Windows\\system32\\RpcProxy\\RpcProxy.dll"),
)
_FRONT = (
    ("/owa", "owa", "OWA"), ("/ecp", "ecp", "ECP"), ("/EWS", "EWS", "Services"),
    ("/Autodiscover", "Autodiscover", "Autodiscover"), ("/Microsoft-Server-ActiveSync", "sync", "Sync"),
    ("/OAB", "OAB", "OAB"), ("/PowerShell", "PowerShell", "PowerShellFrontEnd"),
    ("/mapi", "mapi", "MapiFrontEnd"), ("/Rpc", "Rpc", "RpcProxyFrontEnd"), ("/API", "Rest", "RestFrontEnd"),
)  # fmt: skip
_BACK = (
    ("/owa", "owa", "OWA"), ("/ecp", "ecp", "ECP"), ("/EWS", "exchweb\\EWS", "Services"),
    ("/Autodiscover", "Autodiscover", "Autodiscover"), ("/Microsoft-Server-ActiveSync", "sync", "Sync"), ("/OAB", "OAB", "OAB"),
    ("/PowerShell", "PowerShell-Proxy", "PowerShell"), ("/mapi/emsmdb", "mapi\\emsmdb", "MapiMailbox"),
    ("/mapi/nspi", "mapi\\nspi", "MapiAddressBook"),
)  # fmt: skip
_AGENTS = (
    ("Transport Rule Agent", "Routing.RoutingAgent", "MessagingPolicies.TransportRuleAgent.TransportRuleAgentFactory",
     "Rule\\Microsoft.Exchange.MessagingPolicies.TransportRuleAgent.dll"),
    ("Malware Agent", "Routing.RoutingAgent", "Transport.Agent.Malware.MalwareAgentFactory",
     "Antimalware\\Microsoft.Exchange.Transport.Agent.Malware.dll"),
    ("Journaling Agent", "Routing.RoutingAgent", "MessagingPolicies.Journaling.JournalAgentFactory",
     "Journaling\\Microsoft.Exchange.MessagingPolicies.JournalAgent.dll"),
)  # fmt: skip


def furnish(desk: Desk, day: datetime, modules: tuple[tuple[str, str], ...] = (), configured: datetime | None = None) -> None:
    """Puts a clean server's files on the desk. ``modules`` are native modules (name, image) that somebody added."""
    old = day - timedelta(days=400)
    for path, content in (
        ("inetpub/wwwroot/iisstart.htm", _START),
        ("inetpub/wwwroot/iisstart.png", _PICTURE),
        ("inetpub/wwwroot/aspnet_client/readme.txt", b"Client-side scripts of ASP.NET.\r\n"),
        ("inetpub/wwwroot/aspnet_client/system_web/4_0_30319/WebUIValidation.js", b"// empty\r\n"),
        (f"{ROOT}/FrontEnd/HttpProxy/owa/auth/15.1.2176/themes/resources/favicon.ico", _PICTURE),
        (f"{ROOT}/FrontEnd/HttpProxy/owa/auth/15.1.2176/themes/resources/logon.css", _STYLE),
        (f"{ROOT}/FrontEnd/HttpProxy/owa/auth/logon.css", _STYLE),
        (f"{ROOT}/FrontEnd/HttpProxy/ecp/auth/logon.css", _STYLE),
        (f"{ROOT}/FrontEnd/HttpProxy/OAB/readme.htm", _START),
    ):
        desk.file(path, content, old)
    desk.file("Windows/System32/inetsrv/config/applicationHost.config", _application_host(modules).encode(), configured or old)
    desk.file("inetpub/wwwroot/web.config", _WEB_CONFIG.encode(), old)
    desk.file(f"{ROOT}/TransportRoles/Shared/agents.config", _agents().encode(), old)


def _application_host(extra: tuple[tuple[str, str], ...]) -> str:
    """Modelled after a clean set-up: modules, both sites and their virtual directories, pools, logging."""
    native = [(name, f"%windir%\\System32\\inetsrv\\{dll}.dll") for name, dll in _NATIVE]
    images = "".join(f"      <add name={quoteattr(n)} image={quoteattr(i)} />\n" for n, i in (*native, *_OTHERS, *extra))
    loaded = (*(entry for entry in native if entry[0] not in _NOT_LOADED), *_OTHERS[3:5], *extra)
    used = "".join(f"        <add name={quoteattr(n)} />\n" for n, _ in loaded)
    pools = "".join(f'      <add name="MSExchange{p}AppPool" />\n' for p in sorted({p for _, _, p in (*_FRONT, *_BACK)}))
    top, front, back = "%SystemDrive%\\inetpub\\wwwroot", f"{INSTALLED}FrontEnd\\HttpProxy", f"{INSTALLED}ClientAccess"
    sites = _site("Default Web Site", 1, (443, 80), top, front, _FRONT) + _site(
        "Exchange Back End", 2, (444, 81), back, back, _BACK
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <system.applicationHost>
    <applicationPools>
      <add name="DefaultAppPool" />
{pools}    </applicationPools>
    <sites>
{sites}\
      <siteDefaults>
        <logFile logFormat="W3C" directory="%SystemDrive%\\inetpub\\logs\\LogFiles" />
      </siteDefaults>
    </sites>
  </system.applicationHost>
  <system.webServer>
    <globalModules>
{images}    </globalModules>
    <httpLogging dontLog="false" />
  </system.webServer>
  <location path="" overrideMode="Allow">
    <system.webServer>
      <modules>
{used}      </modules>
    </system.webServer>
  </location>
</configuration>
"""


_SLASH = "\\"


def _site(
    name: str, number: int, ports: tuple[int, int], top: str, below: str, places: tuple[tuple[str, str, str], ...]
) -> str:
    applications = "".join(
        f'        <application path="{path}" applicationPool="MSExchange{pool}AppPool">\n'
        f'          <virtualDirectory path="/" physicalPath={quoteattr(below + _SLASH + folder)} />\n        </application>\n'
        for path, folder, pool in places
    )
    return (
        f'      <site name="{name}" id="{number}" serverAutoStart="true">\n'
        f'        <application path="/">\n          <virtualDirectory path="/" physicalPath={quoteattr(top)} />\n'
        f"        </application>\n{applications}        <bindings>\n"
        f'          <binding protocol="https" bindingInformation="*:{ports[0]}:" />\n'
        f'          <binding protocol="http" bindingInformation="*:{ports[1]}:" />\n'
        "        </bindings>\n      </site>\n"
    )


def _agents() -> str:
    listed = "".join(
        f'      <agent name="{name}" baseType="Microsoft.Exchange.Data.Transport.{base}"'
        f' classFactory="Microsoft.Exchange.{factory}" assemblyPath="{INSTALLED}TransportRoles\\agents\\{dll}"'
        ' enabled="true" />\n'
        for name, base, factory, dll in _AGENTS
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<configuration>\n  <mexRuntime>\n    <agentList>\n{listed}'
        "    </agentList>\n  </mexRuntime>\n</configuration>\n"
    )


_WEB_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <system.webServer>
    <httpRedirect enabled="true" destination="/owa" exactDestination="false" childOnly="true" />
  </system.webServer>
</configuration>
"""
