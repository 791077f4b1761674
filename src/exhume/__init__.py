"""exhume: compromise assessment for on-premises Microsoft Exchange servers."""

__version__ = "0.1.0"
