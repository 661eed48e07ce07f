"""promote and rollback from the command line."""

import pytest
from django.core.management import call_command

from cryptoml_site.errors import Unknown
from registry.gates import GateRefused
from registry.models import Deployment
from tests.factories import make_version, report

pytestmark = pytest.mark.django_db


def test_promote_and_rollback_from_the_command_line(capsys):
    make_version()
    make_version()
    call_command("promote", "bitcoin-usd-1d", "1", reason="first")
    call_command("promote", "bitcoin-usd-1d", "2", reason="second")
    call_command("rollback", "bitcoin-usd-1d", reason="worse")
    assert "bitcoin-usd-1d version 1 is in production again" in capsys.readouterr().out
    assert Deployment.objects.latest("generation").actor.startswith("command:")


def test_a_refused_promotion_names_the_gate_and_override_passes_it():
    make_version(metrics=report(edge_low=-1))
    with pytest.raises(GateRefused, match="EdgeOverBaseline fail"):
        call_command("promote", "bitcoin-usd-1d", "1", reason="hope")
    call_command("promote", "bitcoin-usd-1d", "1", reason="hope", override=True)
    assert Deployment.objects.latest("generation").evidence["overridden"]


@pytest.mark.parametrize(("model", "number", "field"), [("none", "1", "model"), ("bitcoin-usd-1d", "7", "version")])
def test_what_does_not_exist_is_named(model, number, field):
    make_version()
    with pytest.raises(Unknown) as refused:
        call_command("promote", model, number, reason="why not")
    assert refused.value.field == field
