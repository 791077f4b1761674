"""Folders that IIS serves, by its configuration: drives, variables, sites in one another, paths of other machines."""

import pickle
import time

import pytest

from exhume.model.sites import MOST, Mount, Sites, sites, unreachable
from exhume.model.windows import served_url

V15 = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"
FRONT = [
    Mount("%SystemDrive%\\inetpub\\wwwroot", "", "Default Web Site", "1"),
    Mount(V15 + "FrontEnd\\HttpProxy\\owa", "/owa", "Default Web Site", "1"),
    Mount(V15 + "FrontEnd\\HttpProxy\\owa", "/owa/calendar", "Default Web Site", "1"),
    Mount(V15 + "FrontEnd\\HttpProxy\\ecp", "/ecp", "Default Web Site", "1"),
    Mount(V15 + "FrontEnd\\HttpProxy\\Rest", "/api", "Default Web Site", "1"),
]
OTHERS = [
    Mount("D:\\web\\intranet", "", "Intranet", "3"),
    Mount("D:\\web\\intranet\\apps\\time", "/zeit", "Intranet", "3"),
    Mount("E:\\phones", "/phones", "Default Web Site", "1"),
    Mount("\\\\files01\\web", "/share", "Default Web Site", "1"),
    Mount("\\\\localhost\\f$\\local", "/local", "Default Web Site", "1"),
    Mount("%windir%\\System32\\RpcProxy", "/rpc", "Default Web Site", "1"),
    Mount("%SystemDrive%/inetpub/./x/../slashes/", "/slashes", "Default Web Site", "1"),
]
ALL = sites([*FRONT, *OTHERS])


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("C:\\inetpub\\wwwroot\\aspnet_client\\X.aspx", "/aspnet_client/x.aspx"),
        ("D:\\inetpub\\wwwroot\\x.aspx", "/x.aspx"),  # the variable says no drive
        ("inetpub\\wwwroot\\x.aspx", "/x.aspx"),
        (V15 + "FrontEnd\\HttpProxy\\owa\\auth\\x.aspx", "/owa/auth/x.aspx"),
        ("FrontEnd\\HttpProxy\\owa\\auth\\x.aspx", "/owa/auth/x.aspx"),
        ("D:\\web\\intranet\\a\\b.aspx", "/a/b.aspx"),
        ("D:\\web\\intranet\\apps\\time\\b.aspx", "/zeit/b.aspx"),
        ("D:\\web\\intranetx\\b.aspx", ""),
        ("F:\\web\\intranet\\b.aspx", ""),
        ("kape/case/web/intranet/b.aspx", "/b.aspx"),
        ("kape/phones/b.aspx", ""),  # one folder of that name is not a drive's
        ("E:\\phones\\x.php", "/phones/x.php"),
        ("\\\\files01\\web\\x.aspx", "/share/x.aspx"),
        ("F:\\local\\x.aspx", "/local/x.aspx"),
        ("C:\\Windows\\System32\\RpcProxy\\x.aspx", "/rpc/x.aspx"),
        ("C:\\inetpub\\slashes\\x.aspx", "/slashes/x.aspx"),
        ("C:\\Temp\\x.aspx", ""),
        ("", ""),
    ],
)
def test_the_url_of_a_file(path, url):
    assert ALL.url(path) == url


def test_without_a_configuration_the_usual_places_count():
    for path in (V15 + "ClientAccess\\ecp\\auth\\x.aspx", "C:\\inetpub\\wwwroot\\x.aspx", "C:\\x.aspx"):
        assert Sites().url(path) == served_url(path)
    assert not Sites().foreign("C:\\inetpub\\wwwroot\\x.aspx")


def test_what_it_does_not_name_is_looked_up_all_the_same():
    only = sites(OTHERS)
    assert only.url(V15 + "FrontEnd\\HttpProxy\\owa\\auth\\x.aspx") == "/owa/auth/x.aspx"


def test_new_folders_of_the_trees_are_served():
    assert served_url(V15 + "FrontEnd\\HttpProxy\\new\\x.aspx") == "/new/x.aspx"
    assert served_url(V15 + "ClientAccess\\new\\x.aspx") == "/new/x.aspx"


def test_other_products_are_told_by_site_and_application():
    assert ALL.foreign("D:\\web\\intranet\\a.aspx")
    assert ALL.foreign("E:\\phones\\a.aspx")
    assert not ALL.foreign("C:\\inetpub\\wwwroot\\new\\a.aspx")
    assert not ALL.foreign(V15 + "FrontEnd\\HttpProxy\\owa\\a.aspx")
    assert ALL.foreign_url("/phones/a.aspx", "1")
    assert ALL.foreign_url("/a.aspx", "3")
    assert not ALL.foreign_url("/new/a.aspx", "1")
    assert not ALL.foreign_url("/owa/auth/a.aspx", "1")
    assert ALL.foreign_url("/anything/a.aspx", "99")


def test_a_configuration_that_names_no_exchange_calls_nothing_another_products():
    odd = sites([Mount("C:\\x", "", "Default Web Site", "1"), Mount("C:\\y", "/y", "Other", "2")])
    assert not odd.foreign("C:\\y\\a.aspx")
    assert not odd.foreign_url("/y/a.aspx", "2")


def test_other_machines_are_told():
    assert unreachable("\\\\files01\\web")
    assert not unreachable("\\\\127.0.0.1\\c$\\web")
    assert not unreachable("C:\\web")


def test_it_travels_to_workers():
    assert pickle.loads(pickle.dumps(ALL)).url("E:\\phones\\x.php") == "/phones/x.php"


def test_hostile_configurations_are_bounded_and_quick():
    many = [Mount(f"C:\\a{n}\\" + "b\\" * 60, f"/v{n}", f"s{n}", str(n)) for n in range(3 * MOST)]
    start = time.thread_time()
    told = sites([*FRONT, *many])
    assert len(told.mounts) == MOST
    for n in range(2000):
        told.url(f"case/{n}/" + "b/" * 200 + "x.aspx")
        told.url(f"C:\\a{n}\\" + "b\\" * 60 + "x.aspx")
    assert time.thread_time() - start < 10
    assert (
        sites(
            [Mount("C:\\" + "x" * 5000, "/a"), Mount("C:\\x", "/" + "a" * 5000), Mount("%no%\\x", "/b"), Mount("", "/c")]
        ).mounts
        == ()
    )
