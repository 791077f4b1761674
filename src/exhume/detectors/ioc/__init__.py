"""Indicators of compromise: addresses, domains, hashes, names, paths, user agents and texts known from attacks."""

from exhume.detectors.ioc.detector import Ioc
from exhume.detectors.ioc.indicator import Indicator

__all__ = ["Indicator", "Ioc"]
