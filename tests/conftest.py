"""Fixtures that several rooms use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real public samples (see CONTRIBUTING); tests that need it are skipped, and counted, where it is not."""
    folder = Path(os.environ.get("EXHUME_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data not here")
    return folder
