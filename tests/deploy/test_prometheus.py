"""deploy/prometheus as promtool reads it, and what each alarm says of itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from cryptoml_site.embedded.home import SITE

FOLDER = SITE / "deploy" / "prometheus"
DOCS = (SITE / "docs" / "prometheus.md").read_text()
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus"
)


def promtool(*words, folder=FOLDER):
    ran = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@needs_promtool
def test_the_configuration_is_one(tmp_path):
    folder = Path(shutil.copytree(FOLDER, tmp_path / "prometheus"))
    (folder / "cryptoml.key").write_text("key")  # which it wants to find
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml", folder=folder)


@needs_promtool
def test_the_rules_are_rules():
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")


@needs_promtool
def test_each_alarm_fires_on_what_it_is_for():
    promtool("test", "rules", "alerts_test.yml")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alarm_says_how_bad_it_is_and_what_to_do(rule):
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    page, _, heading = rule["annotations"]["runbook"].partition("#")
    assert (page, heading) == ("docs/prometheus.md", rule["alert"].lower())
    assert f"### {rule['alert']}\n" in DOCS


def test_each_alarm_is_tested():
    tested = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    asked = [each for test in tested for each in test["alert_rule_test"]]
    for rule in RULES:
        fired = {bool(each["exp_alerts"]) for each in asked if each["alertname"] == rule["alert"]}
        assert fired == {True, False}, rule["alert"]


def test_every_series_of_the_rules_is_told_in_the_docs():
    metrics = (SITE / "docs" / "metrics.md").read_text()
    for rule in RULES:
        for series in re.findall(r"cryptoml_\w+", rule["expr"]):
            assert re.sub("_(count|sum|bucket)$", "", series) in metrics
