"""The stored form of files whose text an antivirus would act on."""

from __future__ import annotations

import base64
from pathlib import Path

_WIDTH = 100


def encode(path: Path) -> Path:
    """Write ``path`` as Base64 beside it (``NAME.b64``, lines of 100 characters) and return the new file's path.

    The clear file stays where it is. Raises ``OSError``, and ``ValueError`` when it is encoded already.
    """
    if path.name.lower().endswith(".b64"):
        raise ValueError(f"{path.name} is encoded already")
    text = base64.b64encode(path.read_bytes()).decode("ascii")
    lines = [text[i : i + _WIDTH] for i in range(0, len(text), _WIDTH)]
    encoded = path.with_name(path.name + ".b64")
    encoded.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    return encoded
