"""``python -m exhume``."""

import sys

from exhume.cli import main

sys.exit(main())
