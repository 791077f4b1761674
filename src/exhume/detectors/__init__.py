"""Records to findings. A new detector is one file (or folder) and one line in ``DETECTORS``."""

from collections.abc import Callable, Iterable

from exhume.detectors.baseline import Baseline, of_packs, shipped
from exhume.detectors.ioc import Ioc
from exhume.detectors.sigma import OTHER_PRODUCT, Sigma
from exhume.detectors.webcode import WebCode
from exhume.detectors.yara import Yara
from exhume.model import Detector, Pack

DETECTORS: tuple[type[Detector], ...] = (Sigma, Yara, Ioc, Baseline, WebCode)

__all__ = ["DETECTORS", "OTHER_PRODUCT", "Ioc", "Sigma", "is_product", "products"]


def is_product(sha256: str) -> bool:
    """Is this the hash of a file that Exchange ships (``content/baseline.csv``)?"""
    return shipped().ships(sha256)


def products(packs: Iterable[Pack]) -> Callable[[str], bool]:
    """``is_product``, for the baselines that the packs bring as well."""
    return of_packs(packs)[0].ships
