"""The admin in Debian's Chromium, against a whole site with two web processes."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from cryptoml_site.embedded.home import SITE, Home
from tests.e2e.mover import PASSWORD
from tests.e2e.site_under_load import Site

CHROMIUM = shutil.which("chromium")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"))


@pytest.fixture(scope="session")
def site():
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    folder.chmod(0o711)  # Postgres runs as another user when root tests
    with SiteWithPages(Home(folder / "home")) as site:
        yield site
    shutil.rmtree(folder)
    shutil.rmtree(site.home.sockets, ignore_errors=True)


class SiteWithPages(Site):
    """With the style sheets and scripts of its pages, as `up` collects them."""

    def start_web(self, *, wait=True):
        collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        subprocess.run(collect, cwd=SITE, env=self._environment(), check=True)
        super().start_web(wait=wait)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def chromium():
    """Gone before other tests of this process: its event loop would keep Django from its database."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(site, chromium):
    """visit("operator") is a page that person is signed in to; it may ask no other host, no script may fail, and the
    browser may refuse nothing that the page's own policy forbids."""
    opened, wrong = [], []

    def open_as(person=None, *, dark=False, viewport=DESK):
        context = chromium.new_context(
            base_url=site.url, viewport=viewport, color_scheme="dark" if dark else "light", reduced_motion="reduce"
        )
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((site.url, "data:", "blob:")) else wrong.append(asked.url),
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda told: wrong.append(told.text) if "Content Security Policy" in told.text else None)
        if person is not None:
            sign_in(page, person)
        return page

    yield open_as
    for context in opened:
        context.close()
    assert wrong == []


def sign_in(page, person):
    page.goto("/admin/")
    page.get_by_label("Username").fill(person)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("log in|sign in", re.IGNORECASE)).click()
    page.wait_for_url("**/admin/")
