"""Two releases side by side share a database: a migration adds, and the release before goes on as if it had not."""

import pytest
from django.db.migrations import AddField, DeleteModel, RemoveField, RenameField, RenameModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

OURS = {"registry", "training", "predictions", "monitoring"}
TAKING_AWAY = (DeleteModel, RemoveField, RenameField, RenameModel)
# A rolling upgrade across one of these loses what the release before inserts meanwhile: stop it first.
BEFORE_THE_RULE = {
    ("monitoring", "0003_drift_reactions"),
    ("predictions", "0005_references"),
    ("registry", "0003_tags_edits_and_imports"),
    ("registry", "0004_imports_are_attempted"),
    ("training", "0002_runs_are_attempted_and_logged"),
    ("training", "0003_suspect_candles"),
    ("training", "0004_runs_have_options"),
    ("training", "0006_retraining_policies"),
    ("training", "0008_retraining_on_drift"),
}


def migrations():
    return {key: each for key, each in MigrationLoader(None).disk_migrations.items() if key[0] in OURS}


def objections(migration):
    """What the release before would stumble over, in a table that it knows; give a new field a db_default."""
    for operation in migration.operations:
        match operation:
            case _ if isinstance(operation, TAKING_AWAY):
                yield f"{type(operation).__name__} {operation.describe()}"
            case AddField() if _asks_for_a_value(operation.field):
                yield f"{operation.describe()}: the release before inserts rows without it"


def _asks_for_a_value(field):
    """Its column is NOT NULL and has no default of Postgres' own."""
    return not (field.null or field.many_to_many or field.primary_key or field.db_default is not NOT_PROVIDED)


@pytest.mark.parametrize("key", sorted(migrations()), ids=".".join)
def test_the_release_before_goes_on(key):
    assert bool(list(objections(migrations()[key]))) is (key in BEFORE_THE_RULE)
