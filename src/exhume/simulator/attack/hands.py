"""What comes after the way in: shells are used, commands run, memory dumped, accounts and modules added, traces removed.

References: traces WS and PX.
"""

from __future__ import annotations

from datetime import timedelta

from exhume.simulator import samples
from exhume.simulator.attack.stage import Play, Stage, moments, protocol_of, text, url_of, windows_path
from exhume.simulator.machine import SYSTEM, SYSTEM32, event_4624, process
from exhume.simulator.scenario import ScenarioError, Step

W3WP = f"{SYSTEM32}\\inetsrv\\w3wp.exe"
_COMPILED = "Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files"


def shell_post(stage: Stage, step: Step) -> None:
    """Data is posted to a page: commands go in, answers come out."""
    _shell(stage, step, "POST")


def shell_get(stage: Stage, step: Step) -> None:
    """A page is asked for: is it there?"""
    _shell(stage, step, "GET")


def _shell(stage: Stage, step: Step, method: str) -> None:
    url, status = text(step, "url"), int(step.given.get("status", 200))
    for moment in moments(step):
        stage.desk.request(
            protocol_of(url), moment, method=method, stem=url, query=text(step, "query", ""), address=stage.address(step),
            agent=stage.agent(step), status=status,
        )  # fmt: skip
    if status == 200:
        stage.shell(url, step)
        if step.given.get("compiled"):
            _remnant(stage, step, url)


def _remnant(stage: Stage, step: Step, url: str) -> None:
    """What ASP.NET keeps of a page it compiled, on the first request."""
    application = url.strip("/").split("/")[0].lower()
    folder = application if application in ("owa", "ecp", "oab") else "root"
    mark = f"{sum(url.encode()):08x}"
    name = url.rpartition("/")[2]
    path = f"{_COMPILED}/{folder}/e22c2559/92c7e946/{name}.{mark}.compiled"
    stage.desk.file(path, samples.remnant(url, mark), step.at + timedelta(milliseconds=400))


def command(stage: Stage, step: Step) -> None:
    """A program runs as a child of the web server."""
    said = text(step, "command")
    image = str(step.given.get("image", f"{SYSTEM32}\\cmd.exe"))
    pool = str(step.given.get("pool", "MSExchangeOWAAppPool"))
    parent = f'c:\\windows\\system32\\inetsrv\\w3wp.exe -ap "{pool}" -v "v4.0" -l "webengine4.dll"'
    process(stage.desk, step.at, image, said, W3WP, parent, str(step.given.get("user", SYSTEM)))


def plant(stage: Stage, step: Step) -> None:
    """A file appears, an inert sample: ``page``, ``oab-dump``, ``exported-mailbox``, ``memory-dump``, ``program``, …"""
    path, kind = text(step, "file"), text(step, "sample")
    if kind == "oab-dump":
        content = samples.oab_dump(stage.desk.server, stage.desk.host, stage.oab_guid, step.at)
    elif kind == "remnant":
        return _remnant(stage, step, url_of(path))
    elif kind in samples.SAMPLES:
        content = samples.SAMPLES[kind](text(step, "text", ""))
    else:
        raise ScenarioError(f"there is no sample {kind!r}")
    return stage.wrote(step, path, content, step.at, str(step.given.get("writer", W3WP)))


def remove(stage: Stage, step: Step) -> None:
    """A file is deleted; what other logs tell of it stays."""
    stage.desk.files.pop(f"C/{text(step, 'file')}", None)


def account(stage: Stage, step: Step) -> None:
    """A user is made and put into a group."""
    name, group = text(step, "name"), text(step, "group", "Administrators")
    who = {"SubjectUserSid": "S-1-5-18", "SubjectUserName": f"{stage.desk.server}$", "SubjectDomainName": "CONTOSO"}
    provider = "Microsoft-Windows-Security-Auditing"
    made = {"TargetUserName": name, "TargetDomainName": stage.desk.server, **who, "SamAccountName": name}
    stage.desk.event("Security", provider, 4720, step.at, made, 0)
    joined = {
        "MemberName": "-",
        "MemberSid": "S-1-5-21-7-8-9-1013",
        "TargetUserName": group,
        "TargetDomainName": "Builtin",
        **who,
    }
    stage.desk.event("Security", provider, 4732, step.at + timedelta(seconds=2), joined, 0)


def log_on(stage: Stage, step: Step) -> None:
    """A log-on from outside."""
    event_4624(stage.desk, step.at, text(step, "name"), stage.address(step), int(step.given.get("kind", 3)))


def defender(stage: Stage, step: Step) -> None:
    """Defender finds a file and removes it."""
    path, threat = text(step, "file"), text(step, "threat")
    data = {
        "Product Name": "Microsoft Defender Antivirus", "Detection ID": f"{{{stage.desk.guid()}}}", "Threat Name": threat,
        "Severity Name": "Severe", "Category Name": "Backdoor", "Path": f"file:_{windows_path(path)}",
        "Process Name": "Unknown", "Detection User": SYSTEM, "Action Name": "Not Applicable",
    }  # fmt: skip
    channel, provider = "Microsoft-Windows-Windows Defender/Operational", "Microsoft-Windows-Windows Defender"
    stage.desk.event(channel, provider, 1116, step.at, data, 3)
    stage.desk.event(channel, provider, 1117, step.at + timedelta(seconds=9), data | {"Action Name": "Quarantine"}, 4)
    remove(stage, step)


def service(stage: Stage, step: Step) -> None:
    """A service is installed."""
    data = {
        "ServiceName": text(step, "name"), "ImagePath": text(step, "image"), "ServiceType": "user mode service",
        "StartType": "auto start", "AccountName": "LocalSystem",
    }  # fmt: skip
    stage.desk.event("System", "Service Control Manager", 7045, step.at, data)


def request(stage: Stage, step: Step) -> None:
    """Any front-end request: a scanner's, a probe's."""
    url = text(step, "url")
    for moment in moments(step):
        stage.desk.request(
            protocol_of(url), moment, method=str(step.given.get("method", "GET")), stem=url, query=text(step, "query", ""),
            address=stage.address(step), agent=stage.agent(step), status=int(step.given.get("status", 404)),
            user=str(step.given.get("user", "")), proxy=step.given.get("proxy"),
        )  # fmt: skip


STEPS: dict[str, Play] = {
    "shell-post": shell_post,
    "shell-get": shell_get,
    "command": command,
    "plant": plant,
    "remove": remove,
    "account": account,
    "log-on": log_on,
    "defender": defender,
    "service": service,
    "request": request,
}
