"""render.yaml against what Render documents of a blueprint: check-jsonschema ships no schema of it, so the fields that
we use are held by hand. No Render was at hand."""

import re

import pytest
import yaml

from cryptoml_site.embedded.home import SITE

BLUEPRINT = yaml.safe_load((SITE / "render.yaml").read_text())
SERVICES = {each["name"]: each for each in BLUEPRINT["services"]}
OURS = {name: each for name, each in SERVICES.items() if each["type"] != "keyvalue"}
ENTRYPOINT = (SITE / "deploy" / "docker" / "entrypoint").read_text()
COMMON = {"type", "name", "runtime", "plan", "region", "autoDeployTrigger", "dockerCommand", "maxShutdownDelaySeconds"}
FIELDS = {
    "web": COMMON | {"envVars", "healthCheckPath", "preDeployCommand"},
    "worker": COMMON | {"envVars"},
    "keyvalue": {"type", "name", "plan", "region", "maxmemoryPolicy", "ipAllowList"},
}
DATABASE = {"name", "plan", "region", "postgresMajorVersion", "databaseName", "user", "ipAllowList"}


def test_only_documented_fields_are_used():
    assert set(BLUEPRINT) == {"services", "databases", "envVarGroups"}
    unknown = {name: set(each) - FIELDS[each["type"]] for name, each in SERVICES.items()}
    assert {name: fields for name, fields in unknown.items() if fields} == {}
    assert all(set(each) <= DATABASE for each in BLUEPRINT["databases"])


@pytest.mark.parametrize("name", OURS)
def test_render_itself_deploys_nothing(name):
    assert OURS[name]["autoDeployTrigger"] == "off"


@pytest.mark.parametrize("name", OURS)
def test_each_runs_a_role_that_the_entrypoint_knows(name):
    program, role = OURS[name]["dockerCommand"].split()
    assert program == "/app/deploy/docker/entrypoint"
    assert re.search(rf"^{role}\)", ENTRYPOINT, re.MULTILINE)


def test_there_is_one_of_each_role_and_the_web_migrates_first():
    roles = sorted(each["dockerCommand"].split()[1] for each in OURS.values())
    assert roles == ["beat", "fetcher", "trainer", "web", "worker"]
    assert [name for name, each in OURS.items() if "preDeployCommand" in each] == ["cryptoml-web"]


@pytest.mark.parametrize("name", OURS)
def test_what_it_takes_from_others_is_there(name):
    told = {each["name"] for each in BLUEPRINT["envVarGroups"]}
    for each in OURS[name]["envVars"]:
        match each:
            case {"fromGroup": group}:
                assert group in told
            case {"fromDatabase": {"name": database, "property": "connectionString"}}:
                assert database in {found["name"] for found in BLUEPRINT["databases"]}
            case {"fromService": {"type": kind, "name": service, "property": "connectionString"}}:
                assert SERVICES[service]["type"] == kind
            case {"fromService": {"type": kind, "name": service, "envVarKey": key}}:
                assert SERVICES[service]["type"] == kind
                assert key in {found.get("key") for found in SERVICES[service]["envVars"]}
            case {"sync": False}:
                assert name == "cryptoml-web"  # asked for once
            case _:
                pytest.fail(f"{each} is no documented form")


def test_no_secret_stands_in_the_file():
    values = [each for group in BLUEPRINT["envVarGroups"] for each in group["envVars"]]
    values += [each for service in OURS.values() for each in service["envVars"]]
    said = {each["key"] for each in values if "value" in each}
    assert said == {"CRYPTOML_ENV", "TRUSTED_PROXIES", "CRYPTOML_TRAINING_MEMORY_MB"}


def test_nobody_from_outside_reaches_the_servers():
    assert SERVICES["cryptoml-cache"]["ipAllowList"] == BLUEPRINT["databases"][0]["ipAllowList"] == []
