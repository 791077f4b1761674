"""Server-side pages against the files that Exchange ships: the baseline that comes with exhume, and the user's own ones."""

from exhume.detectors.baseline.detector import Baseline
from exhume.detectors.baseline.releases import Releases, of_packs, shipped

__all__ = ["Baseline", "Releases", "of_packs", "shipped"]
