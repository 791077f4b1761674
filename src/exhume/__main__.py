"""``python -m exhume``."""

import sys

from exhume.cli import program

sys.exit(program())
