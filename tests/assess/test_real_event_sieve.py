"""Real event logs through the sieve say what they say when every record is decoded."""

from exhume.assess.scan import Scanner
from exhume.assess.tally import Tally
from exhume.detectors import DETECTORS, is_product
from exhume.evidence import open_evidence
from exhume.model import Host
from exhume.packs import shipped
from exhume.readers import EVERY_FILE, READERS


def test_real_event_logs_say_the_same_with_and_without_the_sieve(real_data):
    evidence = open_evidence([real_data])
    detectors = tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS)
    paths = [file.path for file in evidence.files() if file.path.endswith(".evtx")]
    assert len(paths) > 100
    parts = []
    for use_sieve in (True, False):
        scanner, tally = Scanner(evidence, READERS, EVERY_FILE, detectors, is_product, "", use_sieve), Tally()
        for path in paths:
            tally.add(scanner.scan(path))
        parts.append(tally.part())
    with_sieve, without = parts
    assert {f.id: f for f in with_sieve.findings} == {f.id: f for f in without.findings}
    assert with_sieve.coverage == without.coverage
    assert with_sieve.readings == without.readings
    assert len(without.findings) > 20
