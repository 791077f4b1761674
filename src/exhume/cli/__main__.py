"""``python -m exhume.cli``."""

import sys

from exhume.cli import main

sys.exit(main())
