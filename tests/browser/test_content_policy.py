"""No page asks a browser for what its own policy forbids: `visit` fails on the first word of that in the console."""

import re

import pytest
from playwright.sync_api import expect

DASHBOARDS = ["/admin/dashboards/live", "/admin/dashboards/freshness", "/admin/dashboards/drift"]


def test_the_policy_of_the_admin_lets_its_charts_be_drawn(visit):
    page = visit("owner")
    for path in [*DASHBOARDS, "/admin/axes/accessattempt/", "/admin/registry/modelversion/7/change/"]:
        response = page.goto(path, wait_until="networkidle")
        assert response.status == 200, path
        assert "'unsafe-eval'" in response.headers["content-security-policy"]


def test_the_documentation_is_drawn_under_a_policy_without_scripts_of_its_own(visit):
    page = visit()
    page.goto("/docs", wait_until="networkidle")
    expect(page.locator(".opblock").first).to_be_visible()
    page.goto("/redoc", wait_until="networkidle")
    expect(page.get_by_role("heading", name=re.compile("^CryptoML")).first).to_be_visible()
    page.get_by_placeholder("Search...").fill("predict")  # in a worker
    expect(page.locator("[data-role='search:results'] li").first).to_be_visible()


def test_the_pages_of_the_api_are_drawn_too(visit):
    page = visit("owner")
    for path in ("/models/list", "/predict", "/metrics"):
        page.goto(path, wait_until="networkidle")
    page.goto("/predict", wait_until="networkidle")
    page.get_by_role("button", name="POST").click()
    expect(page.get_by_text(re.compile("HTTP 200"))).to_be_visible()


def test_a_script_that_is_written_into_a_page_does_not_run(site, chromium):
    page = chromium.new_context(base_url=site.url).new_page()
    refused = []
    page.on("console", lambda told: refused.append(told.text) if "Content Security Policy" in told.text else None)
    for path in ("/admin/login/", "/auth/login/"):
        page.goto(path)
        page.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        }""")
        assert page.evaluate("window.ran") is None
    assert len(refused) == 2
    page.context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_who_is_locked_out_reads_so(visit, dark):
    page = visit(dark=dark)
    page.goto("/admin/")
    for _ in range(5):
        page.get_by_label("Username").fill(f"mallory-{dark}")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name=re.compile("log in|sign in", re.IGNORECASE)).click()
    expect(page.get_by_role("alert")).to_contain_text("Signing in is locked")
