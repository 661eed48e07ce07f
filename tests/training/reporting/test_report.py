"""One page that says all of a version, from the command and from the admin."""

import re
from html.parser import HTMLParser

import pytest
from django.core.management import call_command
from django.urls import reverse

from cryptoml_site.errors import Invalid, Unknown
from registry.models import GateOverride
from tests.factories import alter, make_market, make_model, make_version, report
from tests.registry.admin.conftest import staff  # noqa: F401  # a fixture
from tests.training.reports import old_report, whole_report
from training.models import Market
from training.reporting.page import report_page

pytestmark = pytest.mark.django_db

VOID = {"meta", "link", "br", "img", "input"}


class Strict(HTMLParser):
    """Every element closed where it belongs; what it would ask of a host."""

    def __init__(self):
        super().__init__()
        self.open, self.asked, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.asked += [value for name, value in attrs if name in ("src", "href", "srcset", "action") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    found = Strict()
    found.feed(page)
    assert found.open == []
    return found


def words(page):
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def page_of(client, version):
    return client.get(reverse("admin:registry_modelversion_report", args=[version.pk]))


def test_the_verdict_comes_first_and_every_part_is_there():
    page = words(report_page(make_version(metrics=whole_report())))
    assert page.index(whole_report()["summary"]) < page.index("What the gates say now")
    for title in (
        *("Walk-forward figures", "Row by row", "In the market", "How many were tried", "By confidence, in tenths"),
        *("Called only from a confidence on", "Outside the dead zone", "Folds", "Rows that were left out", "Recipe"),
        *("Equity after costs, beside buy and hold", "Drawdown", "Calibration", "ROC curve", "What it leans on"),
    ):
        assert title in page


def test_figures_stand_with_their_interval_beside_what_they_must_beat():
    whole = whole_report()
    page = words(report_page(make_version(metrics=whole)))
    low, high = (whole["intervals"]["brier"][side] for side in ("low", "high"))
    assert f"{whole['metrics']['brier']:.4f} [{low:.4f}, {high:.4f}] {whole['constant']['brier']:.4f}" in page
    assert f"one candle later {whole['trading']['late']['gross_bp']:+.2f} bp" in page
    assert "a fee of 10 bp and slippage of 2 bp" in page
    assert "probability of backtest overfitting, of the search 0.2500" in page
    assert "None of 12 trials had a lower log loss" in page
    assert "trial 0 0.69310" in page
    assert "suspect 4 a flagged candle" in page
    assert "hole" not in page.split("Rows that were left out")[1].split("Where it comes from")[0]


def test_the_page_asks_nothing_of_any_host_and_has_no_script():
    found = parsed(report_page(make_version(metrics=whole_report())))
    assert found.asked == ["data:,"]
    assert not {"script", "img", "iframe", "object"} & set(found.tags)
    assert found.tags.count("svg") == 8


def test_what_a_person_wrote_is_shown_and_never_run():
    nasty = '<script>alert("1")</script>'
    version = make_version(
        metrics={**whole_report(), "summary": nasty, "recipe": {"options": {nasty: nasty}}},
        description=nasty,
        tags=[nasty],
        created_by=nasty,
        params={nasty: nasty},
        environment={"python": nasty},
    )
    page = report_page(version)
    assert "script" not in parsed(page).tags
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "metrics", [{}, {"metrics": {"accuracy": {"value": None, "low": None, "high": None}}}, report()]
)
def test_a_report_that_is_empty_or_broken_off_still_has_a_page(metrics):
    parsed(report_page(make_version(metrics=metrics)))


def test_a_version_without_a_report_says_so():
    assert "nothing is known of how well it answers" in report_page(make_version(metrics={}))


def test_a_report_of_an_older_release_says_what_it_lacks():
    page = words(report_page(make_version(metrics=old_report())))
    assert "Not drawn: Drawdown, beside buy and hold" in page
    assert "each unit turned over pays a fee of 10 bp." in page
    assert "Walk-forward figures" in page
    assert "By confidence, in tenths" not in page


def test_gates_are_asked_anew_and_those_switched_off_are_named():
    version = make_version(metrics=whole_report())
    GateOverride.objects.create(model=version.model, gate="registry.gates.MaximumAgeOfData", enabled=False)
    page = words(report_page(version))
    assert "EdgeOverBaseline passes accuracy" in page
    assert "MaximumAgeOfData not asked switched off for this model" in page
    assert version.model.deployments.count() == 0


def test_an_altered_bundle_is_told_and_the_page_is_made_all_the_same():
    old, new = make_version(), make_version()
    old.promote(actor="user:anna", reason="first")
    alter(new.bundle, "evaluation.npz")
    page = words(report_page(new))
    assert "the file was altered" in page
    assert "It may not answer without an override." in page


def test_the_version_in_production_is_the_champion_that_it_is_held_against():
    old, new = make_version(), make_version(metrics=whole_report())
    assert "Nothing is in production" in report_page(new)
    old.promote(actor="user:anna", reason="first")
    page = words(report_page(new))
    assert "Beside version 1 in production, on the 2,000 rows that both answered: its calls are not told apart" in page
    assert "the version in production +0.000 [+0.000, +0.000]" in page
    assert "This is the version in production." in report_page(old)


def test_a_simulated_market_is_labelled():
    said = "The candles are simulated"
    assert said in report_page(make_version(simulated=True))
    assert said not in report_page(make_version(model=make_model("other", default=False)))


@pytest.mark.parametrize(("source", "said"), [("coingecko", True), ("csv", False), ("simulated", False)])
def test_the_source_of_the_candles_is_named_where_it_asks_for_that(source, said):
    make_market("bitcoin-usd-1d")
    process = {"seed": 7} if source == "simulated" else None
    Market.objects.update(source=source, simulation=process)
    assert ("Data provided by CoinGecko" in report_page(make_version())) == said


def test_the_command_writes_the_page_and_says_the_verdict(tmp_path, capsys):
    make_version(metrics=whole_report())
    call_command("report", "bitcoin-usd-1d", "1", out=tmp_path / "page.html")
    assert parsed((tmp_path / "page.html").read_text())
    said = capsys.readouterr().out
    assert whole_report()["summary"] in said
    assert "page.html" in said


def test_without_a_file_it_is_named_after_the_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_version()
    call_command("report", "bitcoin-usd-1d", "1")
    assert [file.name for file in tmp_path.glob("*.html")] == ["bitcoin-usd-1d-v1-report.html"]


@pytest.mark.parametrize("name", ["none/page.html", "."])
def test_a_file_that_cannot_be_written_is_refused(tmp_path, name):
    make_version()
    with pytest.raises(Invalid, match="cannot be written") as refused:
        call_command("report", "bitcoin-usd-1d", "1", out=tmp_path / name)
    assert refused.value.field == "out"


@pytest.mark.parametrize(("model", "version"), [("none", "1"), ("bitcoin-usd-1d", "7")])
def test_a_version_that_there_is_not_is_refused(model, version):
    make_version()
    with pytest.raises(Unknown):
        call_command("report", model, version)


def test_whoever_may_see_versions_may_see_the_page(staff, client):  # noqa: F811
    version = make_version(metrics=whole_report())
    answer = page_of(staff("view_modelversion"), version)
    assert answer.status_code == 200
    assert 'filename="bitcoin-usd-1d-v1-report.html"' in answer["Content-Disposition"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert page_of(staff("view_registeredmodel", name="berta"), version).status_code == 403
    assert page_of(client, version).status_code == 302


def test_the_page_of_a_version_that_there_is_not_is_not_found(admin_client):
    assert admin_client.get(reverse("admin:registry_modelversion_report", args=[7])).status_code == 404


def test_the_versions_own_page_leads_to_it(admin_client):
    version = make_version()
    shown = admin_client.get(reverse("admin:registry_modelversion_change", args=[version.pk])).content.decode()
    assert f'href="{reverse("admin:registry_modelversion_report", args=[version.pk])}"' in shown
    assert 'download="bitcoin-usd-1d-v1-report.html"' in shown
