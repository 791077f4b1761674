"""A row without a status says nothing of the answer; a canary in it shows the session all the same."""

from exhume.model import Verdict
from pretend_server import NOON, SESSION, Server, assessed, on, traces

CANARY = "ServerInfo~a]@ex01.contoso.test:444/ecp/DDI/DDIService.svc/SetObject?msExchEcpCanary={}&schema=OABVirtualDirectory#"


def server(anchor, status=""):
    return assessed(Server().proxy(NOON, anchor, status))


def test_a_forged_request_without_a_status_is_an_attempt_that_claims_no_answer():
    result = server(SESSION)
    assert on("proxylogon", result).verdict is not Verdict.COMPROMISED
    assert "PL-855-a-unlogged" in traces(result)
    assert "PL-855-a-attempt" not in traces(result)
    assert not [f.title for f in result.findings if "not answered" in f.title or "refused" in f.title]


def test_a_canary_without_a_status_shows_the_session():
    result = server(CANARY.format("Zk9wD2mXq0Kt7.1"))
    assert on("proxylogon", result).verdict is Verdict.COMPROMISED
    assert {"PL-855-m"} <= traces(result)
    assert "PL-855-a-unlogged" not in traces(result)
    assert [one.sessions for one in result.intrusions] == [("zk9wd2mxq0kt7.1",)]


def test_an_empty_canary_or_a_refused_one_shows_nothing():
    assert on("proxylogon", server(CANARY.format(""))).verdict is not Verdict.COMPROMISED
    assert on("proxylogon", server(CANARY.format("Zk9wD2mXq0Kt7.1"), 500)).verdict is Verdict.ATTEMPTED
