"""An operator at work: what answers, promoted, rolled back, read in the ledger; and who may not."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE
from training.features.classic import EXAMPLE

MODEL = "bitcoin-usd-1d"


def answering(site, key=None):
    """The version that answers a program."""
    response = httpx.post(f"{site.url}/predict", json=EXAMPLE, headers={"X-API-Key": key or site.api_key})
    assert response.status_code == 200, response.text
    return response.json()["version"]


def open_model(page):
    page.goto("/admin/")
    page.get_by_role("link", name=MODEL, exact=True).first.click()


def open_version(page, number):
    open_model(page)
    page.get_by_role("table").get_by_role("link", name=str(number), exact=True).first.click()


def test_promoted_in_the_admin_it_answers_programs_and_rolled_back_the_other_does(site, visit):
    page = visit("operator")
    before = answering(site)
    open_version(page, 2)
    page.get_by_role("link", name=re.compile("^Promote")).click()
    page.get_by_label("Reason").fill("better on the same folds")
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("2/2 workers on version 2")).to_be_visible()
    assert {answering(site) for _ in range(20)} == {2}

    page.goto("/admin/")
    page.get_by_role("link", name=re.compile("Roll back")).first.click()
    page.get_by_label("Reason").fill("the hit rate fell")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(f"2/2 workers on version {before}")).to_be_visible()
    assert {answering(site) for _ in range(20)} == {before}

    page.goto("/admin/registry/deployment/")
    newest = page.get_by_role("row").filter(has_text="the hit rate fell")
    expect(newest).to_contain_text("user:operator")
    expect(page.get_by_role("row").filter(has_text="better on the same folds")).to_contain_text("user:operator")


def test_a_page_that_was_overtaken_is_refused_with_who_was_quicker(site, visit):
    anna, berta = visit("operator"), visit("owner")
    for page, number in ((anna, 3), (berta, 4)):
        open_version(page, number)
        page.get_by_role("link", name=re.compile("^Promote")).click()
        page.get_by_label("Reason").fill("mine")
    berta.get_by_role("button", name="Promote").click()
    expect(berta.get_by_text("2/2 workers on version 4")).to_be_visible()
    anna.get_by_role("button", name="Promote").click()
    expect(anna.get_by_role("alert")).to_contain_text("user:owner promoted version 4")
    assert answering(site) == 4


def test_a_suspended_model_says_so_everywhere_until_it_is_resumed(site, visit):
    page = visit("operator")
    open_model(page)
    page.get_by_role("link", name=re.compile("^Suspend")).click()
    page.get_by_label("Reason").fill("the exchange is down")
    page.get_by_role("button", name="Suspend").click()
    page.goto("/admin/")
    expect(page.get_by_text(re.compile("suspended", re.IGNORECASE)).first).to_be_visible()
    refused = httpx.post(f"{site.url}/predict", json=EXAMPLE, headers={"X-API-Key": site.api_key})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (503, "model_suspended")
    open_model(page)
    page.get_by_role("link", name=re.compile("^Resume")).click()
    page.get_by_label("Reason").fill("it is up")
    page.get_by_role("button", name="Resume").click()
    page.wait_for_url("**/change/")
    page.wait_for_timeout(1_000)  # the promised second
    assert answering(site)


def test_a_viewer_sees_all_and_moves_nothing(site, visit):
    page = visit("viewer")
    open_version(page, 5)
    expect(page.get_by_role("link", name=re.compile(r"^Promote (…|\.)"))).to_have_count(0)
    open_model(page)
    for verb in ("Roll back", "Suspend"):
        expect(page.get_by_role("link", name=re.compile(f"^{verb} (…|\\.)"))).to_have_count(0)
    refused = page.request.get("/admin/registry/registeredmodel/1/rollback/")
    assert refused.status == 403


def test_an_owner_issues_a_key_that_opens_what_it_names_until_it_is_revoked(site, visit):
    page = visit("owner")
    page.goto("/admin/predictions/apikey/")
    page.get_by_role("link", name=re.compile("Issue|Add", re.IGNORECASE)).first.click()
    page.get_by_label("Name").fill("a bot")
    page.get_by_label("ask for answers").check()
    page.get_by_role("button", name="Issue key").click()
    secret = page.locator("#secret").inner_text().strip()
    assert answering(site, secret)
    refused = httpx.get(f"{site.url}/predictions", headers={"X-API-Key": secret})
    assert refused.status_code == 403
    page.goto("/admin/predictions/apikey/")
    page.get_by_role("link", name="a bot").click()
    page.get_by_role("link", name=re.compile("^Revoke")).click()
    page.get_by_role("button", name="Revoke").click()
    page.wait_for_url("**/change/")
    page.wait_for_timeout(1_000)  # the promised second
    shut = httpx.post(f"{site.url}/predict", json=EXAMPLE, headers={"X-API-Key": secret})
    assert shut.json()["errors"][0]["code"] == "revoked_key"


PAGES = [
    "/admin/",
    "/admin/registry/registeredmodel/",
    "/admin/registry/registeredmodel/1/change/",
    "/admin/registry/registeredmodel/1/rollback/",
    "/admin/registry/registeredmodel/1/compare/?a=1&b=2",
    "/admin/registry/modelversion/",
    "/admin/registry/modelversion/7/change/",
    "/admin/registry/modelversion/7/promote/",
    "/admin/registry/deployment/",
    "/admin/predictions/prediction/",
    "/admin/predictions/apikey/",
    "/admin/predictions/webprocess/",
    "/admin/dashboards/performance",
    "/admin/training/trainingrun/",
    "/admin/django_celery_beat/periodictask/",
]


@pytest.mark.parametrize(("dark", "viewport"), [(False, DESK), (True, PHONE)], ids=["desk", "dark phone"])
def test_every_page_fits_and_asks_no_other_host(visit, dark, viewport):
    """`visit` fails on a request to another host, and on an error in a script."""
    page = visit("owner", dark=dark, viewport=viewport)
    for path in PAGES:
        response = page.goto(path, wait_until="networkidle")
        assert response.status == 200, path
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 1, f"{path} is {wide} px too wide"
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = float(re.search(r"[\d.]+", background).group())  # of rgb() from 0 to 255, of oklch() from 0 to 1
        assert (lightness < 60 if lightness > 1 else lightness < 0.5) == dark, f"{path}: {background}"
