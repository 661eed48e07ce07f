"""Gates that cannot be asked are found when the site is checked, not at the next promotion."""

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from registry.checks import check_promotion_gates


class Mute:
    """No gate: it cannot judge."""


def test_the_gates_that_come_with_the_product_can_be_asked():
    assert check_promotion_gates() == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"NAME": "registry.gates.Feeling"}, "registry.gates.Feeling cannot be asked: Module"),
        ({"NAME": "nowhere.Gate"}, "nowhere.Gate cannot be asked: No module named 'nowhere'"),
        ({"NAME": "registry.gates.Smoke", "OPTIONS": {"second": 1}}, "unexpected keyword argument 'second'"),
        ({"NAME": "registry.gates.Smoke", "OPTIONS": {"seconds": -1}}, "seconds is -1: give a number"),
        ({"NAME": "registry.gates.Smoke", "OPTIONS": [1]}, "give them by name"),
        ({"NAME": "registry.gates.Smoke", "OPTION": {}}, 'write {"NAME": "dotted.path.of.a.Gate"'),
        ({"NAME": None}, 'write {"NAME": "dotted.path.of.a.Gate"'),
        ("registry.gates.Smoke", 'write {"NAME": "dotted.path.of.a.Gate"'),
        ({"NAME": f"{__name__}.Mute"}, "has no method `judge`"),
    ],
)
def test_an_entry_that_cannot_be_asked_is_said_in_a_sentence(settings, entry, said):
    settings.PROMOTION_GATES = [{"NAME": "registry.gates.Parity"}, entry]
    [error] = check_promotion_gates()
    assert error.id == "registry.E001"
    assert error.msg.startswith("PROMOTION_GATES, entry 2: ")
    assert said in error.msg


def test_a_gate_that_is_named_twice_is_an_error(settings):
    settings.PROMOTION_GATES = [{"NAME": "registry.gates.Parity"}] * 2
    [error] = check_promotion_gates()
    assert "registry.gates.Parity is named twice" in error.msg


def test_manage_check_finds_it(settings):
    settings.PROMOTION_GATES = [{"NAME": "registry.gates.Feeling"}]
    with pytest.raises(SystemCheckError, match=r"PROMOTION_GATES, entry 1: registry\.gates\.Feeling cannot be asked"):
        call_command("check")
