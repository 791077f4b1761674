"""Records to findings. A new detector is one file (or folder) and one line in ``DETECTORS``."""

from exhume.detectors.baseline import Baseline, known
from exhume.detectors.ioc import Ioc
from exhume.detectors.sigma import OTHER_PRODUCT, Sigma
from exhume.detectors.webcode import WebCode
from exhume.detectors.yara import Yara
from exhume.model import Detector

DETECTORS: tuple[type[Detector], ...] = (Sigma, Yara, Ioc, Baseline, WebCode)

__all__ = ["DETECTORS", "OTHER_PRODUCT", "Ioc", "Sigma", "is_product"]


def is_product(sha256: str) -> bool:
    """Is this the hash of a file that Exchange ships (``content/baseline.csv``)?"""
    return bool(sha256) and bool(known(sha256))
