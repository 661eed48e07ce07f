"""The options of a recipe: what they take, and what is said of the rest."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.errors import Invalid
from training.recipe import Options, Recipe

GIVEN = {
    "window": 5_000,
    "embargo": 24,
    "calibration": "sigmoid",
    "balance": True,
    "half_life": 90.5,
    "dead_zone": 0.5,
    "trials": 20,
    "search_minutes": 2.5,
}


def test_every_option_is_taken_as_given():
    assert set(GIVEN) == {entry.name for entry in fields(Options)}
    assert Options.parse(GIVEN) == Options(**GIVEN)


def test_nothing_given_is_the_default():
    assert Options.parse({}) == Options()
    assert Options().as_json() == {}


def test_what_is_kept_is_what_differs_and_it_comes_back():
    kept = Options.parse({**GIVEN, "embargo": 0}).as_json()
    assert "embargo" not in kept
    assert Options.parse(kept).as_json() == kept


def test_a_whole_number_is_taken_where_a_fraction_is_asked_for():
    assert isinstance(Options.parse({"half_life": 30}).half_life, float)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"window": -1}, "0, or a whole number from 100 to 10,000,000"),
        ({"window": 99}, "0, or a whole number from 100"),
        ({"window": 500.0}, "a whole number"),
        ({"window": "500"}, "a whole number"),
        ({"window": True}, "a whole number"),
        ({"window": 10**400}, "a whole number"),
        ({"embargo": 10_001}, "from 0 to 10,000"),
        ({"calibration": "isotonic"}, "none or sigmoid"),
        ({"calibration": None}, "none or sigmoid"),
        ({"balance": 1}, "true or false"),
        ({"balance": "yes"}, "true or false"),
        ({"half_life": float("nan")}, "a number from 0.1"),
        ({"half_life": float("inf")}, "a number from 0.1"),
        ({"half_life": 0.01}, "0, or a number from 0.1"),
        ({"dead_zone": -0.5}, "a number from 0 to 10"),
        ({"trials": 0.5}, "a whole number"),
        ({"search_minutes": []}, "a number"),
    ],
    ids=str,
)
def test_what_an_option_cannot_be_is_refused_with_what_it_can_be(given, asked):
    with pytest.raises(Invalid, match=asked) as refusal:
        Options.parse(given)
    [name] = given
    assert (refusal.value.code, refusal.value.field) == ("invalid_option", f"options.{name}")


def test_an_unknown_option_is_refused_with_the_one_that_was_meant():
    with pytest.raises(Invalid, match=r"no option 'halflife' \(did you mean 'half_life'\?\)") as refusal:
        Options.parse({"halflife": 30})
    assert (refusal.value.code, refusal.value.field) == ("unknown_option", "options.halflife")


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))


@given(st.dictionaries(st.sampled_from([*GIVEN, "other"]), ANYTHING))
def test_whatever_is_given_is_parsed_or_refused_by_name(given):
    refused = None
    try:
        Options.parse(given)
    except Invalid as invalid:
        refused = invalid.field.removeprefix("options.")
    assert refused in {None, *given}


def test_a_recipe_is_told_with_all_its_parameters_and_the_options_that_differ():
    recipe = Recipe("xgboost", {"max_depth": 3}, "technical", folds=8, seed=7, options=Options(embargo=24))
    assert recipe.as_json() == {
        "estimator": "xgboost",
        "params": {"max_depth": 3},
        "feature_set": "technical",
        "folds": 8,
        "seed": 7,
        "options": {"embargo": 24},
    }
