"""deploy/grafana as far as it can be read without a Grafana: what tests/e2e asks a Prometheus is beside this."""

import json
from itertools import combinations

import pytest
import yaml

from cryptoml_site.embedded.home import SITE

FOLDER = SITE / "deploy" / "grafana"
BOARD = json.loads((FOLDER / "dashboards" / "cryptoml.json").read_text())
PANELS = BOARD["panels"]
DRAWN = [panel for panel in PANELS if panel["type"] != "row"]
UNITS = {"short", "reqps", "percentunit", "percent", "s", "bytes"}  # as Grafana calls them


def test_it_is_a_dashboard_of_its_own():
    assert (BOARD["uid"], BOARD["title"]) == ("cryptoml", "CryptoML")
    assert BOARD["schemaVersion"] >= 36
    assert "id" not in BOARD  # which a database gives


def test_no_panel_has_the_id_of_another():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_no_panel_lies_on_another():
    cells = [
        {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        for at in (panel["gridPos"] for panel in PANELS)
    ]
    assert all(0 <= x < 24 for each in cells for x, _ in each)
    assert not any(one & other for one, other in combinations(cells, 2))


@pytest.mark.parametrize("panel", DRAWN, ids=lambda panel: panel["title"])
def test_each_panel_asks_the_chosen_prometheus(panel):
    assert panel["type"] in ("timeseries", "stat")
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    for target in [panel, *panel["targets"]]:
        assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert all(target["legendFormat"] for target in panel["targets"])


def test_its_variables_are_those_that_it_uses():
    used = {"datasource"} | ({"model"} if "$model" in json.dumps(PANELS) else set())
    assert {variable["name"] for variable in BOARD["templating"]["list"]} == used


@pytest.mark.parametrize(
    ("path", "part"), [("datasources/cryptoml.yml", "datasources"), ("dashboards/cryptoml.yml", "providers")]
)
def test_provisioning_names_what_there_is(path, part):
    told = yaml.safe_load((FOLDER / "provisioning" / path).read_text())
    [only] = told[part]
    assert told["apiVersion"] == 1
    assert only["type"] in ("prometheus", "file")
