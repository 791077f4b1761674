"""``python -m exhume.cli``."""

import sys

from exhume.cli import program

sys.exit(program())
