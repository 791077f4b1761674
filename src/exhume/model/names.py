"""What the text of a row names: pages, files, mailboxes and accounts, however they are written.

Parameters stand in double quotes, single quotes or none; a mailbox is an address, an alias, a display name, a GUID or a
distinguished name; a page is named by its URL, a drive's path or an administrative share.

References: traces.md and traces-2.md of the project's notes (ProxyShell's exports, ProxyToken's URLs, OWASSRF's paths); the
token of ``X-Rps-CAT`` is Exchange's serialised access token: version, type, whether compressed, ``A`` authentication, ``L``
log-on name, ``U`` SID, each with a length of one byte.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

from exhume.model.kinds import SERVER_SIDE

TEXT_READ = 32_768
"""Characters of a field that are looked at; a hostile one can be longer."""
MOST = 24
"""Names taken from one text."""
_ENDINGS = "|".join(sorted(SERVER_SIDE, key=lambda e: (-len(e), e)))
_PAGE = re.compile(rf"^(/.*?\.(?:{_ENDINGS}))(?:[. ]*|::\$[a-z_]+|/.*)$", re.IGNORECASE | re.DOTALL)
_SLASHES = re.compile(r"/{2,}")
_COOKIELESS = re.compile(r"^/\([a-z]\([^/]*\)\)(?=/)", re.IGNORECASE)
_PATH = re.compile(
    rf"(?:(?<![A-Za-z])([A-Za-z]):|\\\\([^\\/\s\"']{{1,64}})\\([A-Za-z])\$)"
    rf"[\\/]([^\"'<>|*?:;,\r\n]{{1,240}}?\.(?:{_ENDINGS}))(?!\.?\w)",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"127\.\d+\.\d+\.\d+|localhost|::1|\[::1\]|\.|\*|0--1\.ipv6-literal\.net|0:0:0:0:0:0:0:1", re.IGNORECASE)
_QUOTED = r"\"[^\"]*\"|'(?:[^']|'')*'"
_ITEM = rf"(?:{_QUOTED}|[^\s\"',;-][^\s\"',;]*)"
_PARAMETER = re.compile(
    rf"(?<![\w.])-([A-Za-z]{{2,40}})(?::\s*|\s+)({_ITEM}(?:\s*,\s*{_ITEM}){{0,64}})"
    rf"|\.([A-Za-z]{{2,40}})=({_QUOTED}|[^\s\"',;.]+)"
)
_ITEMS = re.compile(_ITEM)
_ADDRESS = r"[\w.+'-]{1,64}@[\w.-]{1,190}\w"
_IN_QUERY = re.compile(rf"(?:Mailbox(?:Id)?|Email)=(?:autodiscover/autodiscover\.json\??)?({_ADDRESS})", re.IGNORECASE)
_IN_PATH = re.compile(rf"^/+(?:ecp|owa)/({_ADDRESS})(?:/|$)", re.IGNORECASE)
_ANCHORED = re.compile(rf"^(?:SMTP|UPN)[:~]({_ADDRESS})|\bMailboxGuid[:~]([0-9a-f-]{{36}}(?:@[\w.-]{{1,190}})?)", re.IGNORECASE)
_KIND_OF_NAME = re.compile(r"^(?:smtp|upn|sid|principalname|primarysmtpaddress)[:~]")
_MAILBOXES = frozenset({"mailbox", "sourcemailbox", "sourcemailboxes", "targetmailbox"})
_OF_MAILBOX = re.compile(r"\w+-(?:cas)?mailbox(?:permission|folderpermission|autoreplyconfiguration|junkemailconfiguration)?|"
                         r"search-mailbox|\w+-inboxrule|\w+-mailboxexportrequest", re.IGNORECASE)  # fmt: skip
_IN_SCRIPT = re.compile(
    r"(?<![\w-])((?:get|set|new|add|remove|search|enable|disable|import|export|connect|restore|move|start|stop|suspend|resume|test)"
    r"-(?:(?:cas)?mailbox[a-z]{0,40}|inboxrule))(?![\w-])", re.IGNORECASE
)  # fmt: skip
_STATEMENT = re.compile(r"(?:\"[^\"]*\"|'(?:[^']|'')*'|[^;|&\r\n\"'])*")
"""What follows a cmdlet in a script, up to the end of the statement; a quote that stays open ends it as well."""
_STATEMENT_READ = 1024
_UNKNOWN = ("$", "{", "(", "<", "%", "*", "[", "-", "@", "\\")
"""How a value begins that a script works out when it runs: it names nobody."""
_ACCOUNTS = {
    "new-managementroleassignment": ("user", "securitygroup"), "add-rolegroupmember": ("member",),
    "add-mailboxpermission": ("user",), "add-adpermission": ("user",), "add-recipientpermission": ("trustee",),
    "add-mailboxfolderpermission": ("user",), "new-mailbox": ("userprincipalname", "name"), "enable-mailbox": ("identity",),
    "new-localuser": ("name",), "enable-localuser": ("name",), "set-localuser": ("name",), "new-aduser": ("name",),
    "enable-adaccount": ("identity",), "set-adaccountpassword": ("identity",),
    "add-localgroupmember": ("member",), "add-adgroupmember": ("members",),
}  # fmt: skip
_SHELL = re.compile(
    r"\b(" + "|".join(n for n in _ACCOUNTS if re.search("local|ad(?:user|acc|group)", n)) + r")\b", re.IGNORECASE
)
_NET = re.compile(r"\bnet1?(?:\.exe)?\"?\s+(user|(?:local)?group)\s+([^&|\r\n]{1,400})", re.IGNORECASE)
_WORDS = re.compile(r"\"([^\"]*)\"|([^\s\"]+)")
_CAT = re.compile(r"x-rps-cat=([A-Za-z0-9+/_=-]{16,4096})", re.IGNORECASE)
_NULL = frozenset({"", "$null", "$true", "$false", "true", "false", "-"})


def page_of(stem: str) -> str:
    """The server-side page that a URL path calls, lower case, or empty text: ``/(S(x))//owa/auth/x.aspx/y`` →
    ``/owa/auth/x.aspx``. Extra slashes, a session, what follows the page and what Windows cuts off are left out."""
    lowered = stem.partition("?")[0][:TEXT_READ].lower()
    if "." not in lowered:
        return ""
    path = _SLASHES.sub("/", lowered) if "//" in lowered else lowered
    if path.startswith("/("):
        path = _COOKIELESS.sub("", path)
    found = _PAGE.match(path)
    return found[1] if found else ""


def pages_in(text: str, own: frozenset[str] = frozenset()) -> Iterator[str]:
    """The Windows paths of server-side pages in a text: ``C:\\…`` and ``\\\\127.0.0.1\\C$\\…``. A share of another machine is
    not this one's; ``own``: its names, lower case."""
    for number, found in enumerate(_PATH.finditer(text[:TEXT_READ])):
        if number >= MOST:
            return
        host = found[2]
        if host is None or _LOCAL.fullmatch(host) or host.lower().partition(".")[0] in own:
            yield f"{(found[1] or found[3]).upper()}:\\{found[4].replace('/', chr(92))}"


def parameters_of(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name (lower case) and values of ``-Name "a","b"``, ``-Name 'a'``, ``-Name:a`` and the admin centre's ``.Name='a'``."""
    for number, found in enumerate(_PARAMETER.finditer(text[:TEXT_READ])):
        if number >= 200:
            return
        yield (found[1] or found[3]).lower(), tuple(_bare(item) for item in _ITEMS.findall(found[2] or found[4]))


def _bare(item: str) -> str:
    if item[:1] == "'":
        return item[1:-1].replace("''", "'").strip()
    return item.strip('"').strip()


def mailboxes_of(cmdlet: str, text: str) -> Iterator[str]:
    """The mailboxes that a cmdlet was given, lower case, whatever they are named by."""
    owned = _OF_MAILBOX.fullmatch(cmdlet)
    for name, values in parameters_of(text):
        if name in _MAILBOXES:
            yield from (v.lower() for v in values[:MOST] if v.lower() not in _NULL)
        elif name == "identity" and owned and values and values[0].lower() not in _NULL:
            yield _owner(cmdlet.lower(), values[0].lower())


def mailboxes_in_script(text: str) -> Iterator[str]:
    """The mailboxes that the Exchange cmdlets in a script block or a command line are given, lower case: by ``-Mailbox``,
    ``-Identity`` or as the first word. Variables and what is worked out when it runs name none."""
    if "-" not in text or not ("mailbox" in (lowered := text[:TEXT_READ].lower()) or "inboxrule" in lowered):
        return  # nearly all commands
    plain = text[:TEXT_READ].replace("`\r\n", " ").replace("`\n", " ").replace('\\"', '"').replace("@(", "  ")
    for number, found in enumerate(_IN_SCRIPT.finditer(plain)):
        if number >= MOST:
            return
        rest = _STATEMENT.match(plain[found.end() : found.end() + _STATEMENT_READ])
        given = rest[0] if rest else ""
        first = _ITEMS.match(given.lstrip()) if _OF_MAILBOX.fullmatch(found[1]) else None
        if first and given[:1].isspace():
            given = f"-Identity {first[0]} {given.lstrip()[first.end() :]}"
        for name in mailboxes_of(found[1], given):
            known = name.rstrip(")}").strip()
            if known and not known.startswith(_UNKNOWN) and "$" not in known:
                yield known


def acted_as(user: str) -> str:
    """The mailbox in whose name a request to Exchange's web services acted (``ImpersonatedUser``, ``ActAsUser``,
    ``ProxyAsUser``), lower case; empty where there is none. It can be an address, with or without ``SMTP:``, a log-on name or
    a SID."""
    name = _KIND_OF_NAME.sub("", user[:1024].strip().strip("\"'<>").lower())
    return "" if name in _NULL or name.endswith("$") or "\n" in name else name


def _owner(cmdlet: str, identity: str) -> str:
    """The mailbox of ``jane\\MailboxExport``, ``jane\\rule`` or ``jane:\\Calendar``."""
    if cmdlet.endswith(("inboxrule", "exportrequest")):
        return identity.rpartition("\\")[0] or identity
    return identity.partition(":\\")[0] if "folderpermission" in cmdlet else identity


def mailboxes_in(url: str) -> Iterator[str]:
    """The mailboxes that a URL names, lower case: ``/ecp/MAILBOX/…``, ``/owa/MAILBOX/…``, ``MailboxId=``, ``Email=``."""
    if "@" not in url and "%" not in url:
        return  # nearly all rows
    text = unquote(url[:TEXT_READ])
    found = _IN_PATH.match(text.partition("?")[0])
    if found:
        yield found[1].lower()
    for number, match in enumerate(_IN_QUERY.finditer(unquote(text))):
        if number < MOST:
            yield match[1].lower()


def mailbox_of(anchor: str) -> Iterator[str]:
    """The mailbox by which HttpProxy found the server (``AnchorMailbox``)."""
    found = _ANCHORED.search(anchor[:1024]) if anchor else None
    if found:
        yield (found[1] or found[2]).lower()


def accounts_of(cmdlet: str, text: str) -> Iterator[str]:
    """The accounts that a cmdlet gave something to, or made, lower case."""
    wanted = _ACCOUNTS.get(cmdlet.lower(), ())
    for name, values in parameters_of(text) if wanted else ():
        if name in wanted:
            yield from (v.lower() for v in values[:MOST] if v.lower() not in _NULL)


def accounts_in(command: str) -> Iterator[tuple[str, str, str]]:
    """What a command does to accounts: ``made``, ``changed`` or ``removed``, the name (as written), and the group it is put
    into or taken from, else empty. Commands that only list or ask say nothing."""
    text = command[:TEXT_READ]
    for found in _NET.finditer(text):
        words = [quoted or bare for quoted, bare in _WORDS.findall(found[2])]
        flags = {w.lower().rstrip("\"'") for w in words if w.startswith("/")}
        names = [w.strip("\"'") for w in words if not w.startswith("/")]
        added, taken = "/add" in flags, bool(flags & {"/del", "/delete"})
        if found[1].lower() == "user":
            if names and (added or taken or len(names) > 1 or any(f.startswith("/active") for f in flags)):
                yield "made" if added else "removed" if taken else "changed", names[0], ""
        elif len(names) > 1 and (added or taken):
            yield from (("made" if added else "removed", name, names[0]) for name in names[1:MOST])
    for found in _SHELL.finditer(text):
        verb = "made" if found[1].lower().startswith("new-") else "changed"
        rest = re.split(r"[;|\r\n]", text[found.end() : found.end() + 600], maxsplit=1)[0]
        yield from ((verb, name, "") for name in accounts_of(found[1], rest))


def token_account(url: str) -> str:
    """The log-on name in the token that a request to remote PowerShell carries (``X-Rps-CAT``), lower case, or empty text:
    in whose name a ProxyShell request acted."""
    if "-cat" not in url.lower():
        return ""
    found = _CAT.search(unquote(url[:TEXT_READ]).replace(" ", "+"))
    if not found:
        return ""
    try:
        data = base64.b64decode(found[1].rstrip("=").replace("-", "+").replace("_", "/") + "===", validate=False)
    except (binascii.Error, ValueError):
        return ""
    place = data.find(b"KerberosL")
    at = place + 8
    if not data.startswith(b"V") or place < 0 or at + 2 > len(data):
        return ""
    name = data[at + 2 : at + 2 + data[at + 1]].decode("utf-8", "replace").strip()
    return name.lower() if name and name.isprintable() and len(name) < 200 else ""
