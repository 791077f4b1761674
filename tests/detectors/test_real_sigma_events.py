"""SigmaHQ's own true positives, through our own reader: each event log fires the rule that it was recorded for."""

import io

from exhume.detectors.sigma import Sigma
from exhume.model import File, Finding, Gap, Host, Record
from exhume.packs import load
from exhume.readers.evtx import Evtx

PAIRS = 101


def test_rules_fire_on_event_logs_as_the_reader_shapes_them(real_data):
    folder = real_data / "sigma-regression"
    sigma = Sigma.from_packs([load(folder / "rules")], Host())
    assert sigma.problems == ()
    silent, odd = [], []
    paths = sorted((folder / "evtx").glob("*.evtx"))
    assert len(paths) == PAIRS
    for path in paths:
        fired = set()
        for item in Evtx().read(io.BytesIO(path.read_bytes()), File("e", path.name), None):
            if isinstance(item, Record):
                fired |= {f.rule for f in sigma.detect(item) if isinstance(f, Finding)}
            elif isinstance(item, Gap) and "filtered at export" not in item.detail:
                odd.append((path.name, item.detail))
        if path.stem not in fired:
            silent.append(path.stem)
    assert silent == [], f"rules silent on their own event log: {silent}"
    assert odd == []
