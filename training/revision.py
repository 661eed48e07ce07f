"""What code this is."""

import subprocess
from pathlib import Path

from django.conf import settings


def code_revision() -> str:
    """settings.CODE_REVISION, or what git says of this checkout; empty where neither knows."""
    if settings.CODE_REVISION:
        return str(settings.CODE_REVISION)
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()
