from datetime import datetime

import pytest


@pytest.fixture
def set_clock(settings, tmp_path):
    """Drives `now()`: set_clock("2026-11-23T10:00:00Z")."""
    settings.CLOCK_FILE = str(tmp_path / "clock")

    def set_to(moment):
        (tmp_path / "clock").write_text(datetime.fromisoformat(moment).isoformat())

    set_to("2026-11-23T10:00:00Z")
    return set_to
