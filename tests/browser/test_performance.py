"""How answers came true, drawn in a browser."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.monitoring.long_log import ANSWERS

pytestmark = pytest.mark.long  # a site of its own; that the page fits every screen, test_moves tells

MODEL = "bitcoin-usd-1d"
HOURS = 120
PAGE = f"/admin/dashboards/performance?model={MODEL}"

OUTCOMES = """
INSERT INTO training_outcome (market_id, as_of, horizon, revision, status, void_reason, matures_at, close_at_start,
    close_at_end, log_return, settled_at)
SELECT market.id, as_of, 1, 0, 'settled', '', as_of + interval '2 hours', 1, 1,
    CASE WHEN extract(hour FROM as_of)::int % 2 = 0 THEN 0.01 ELSE -0.01 END, as_of + interval '2 hours'
FROM training_market AS market, (SELECT DISTINCT as_of FROM predictions_prediction WHERE market = 'bitcoin-usd-1d')
    AS answered
WHERE market.name = 'bitcoin-usd-1d'
"""


@pytest.fixture(scope="module")
def answered(site):
    """An answer of version 1 about each of the last hours, and what came of it."""
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with site.database() as database:
        database.execute(
            "INSERT INTO training_market (name, coin, currency, interval, source, created_at) "
            "VALUES (%s, 'bitcoin', 'usd', '1h', 'csv', now()) ON CONFLICT DO NOTHING",
            [MODEL],
        )
        version, model = database.execute(
            "SELECT version.id, model.id FROM registry_modelversion AS version JOIN registry_registeredmodel AS model "
            "ON model.id = version.model_id WHERE model.name = %s AND number = 1",
            [MODEL],
        ).fetchone()
        asked = {"models": [model], "versions": [version], "markets": [MODEL], "count": 1, "role": "production"}
        first = until - timedelta(hours=HOURS)
        database.execute(ANSWERS, {**asked, "rows": HOURS, "hours": HOURS, "first": first})
        database.execute(OUTCOMES)


def test_it_is_chosen_by_version_and_window_and_drawn(answered, visit):
    page = visit("viewer")
    page.goto("/admin/")
    page.get_by_role("link", name="Performance").first.click()
    page.get_by_label("Model").select_option(MODEL)
    page.get_by_label("Version").select_option("version 1")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text(f"{HOURS} settled outcomes, one a close")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Hit rate")).to_contain_text(str(HOURS))
    expect(page.locator("canvas")).to_have_count(4)
    page.get_by_label("Version").select_option("version 2")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("0 settled outcomes: fewer than 30 say nothing")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)


def test_on_a_phone_nothing_runs_over_the_edge(answered, visit):
    page = visit("viewer", viewport=PHONE)
    page.goto(PAGE)
    expect(page.locator("canvas").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
