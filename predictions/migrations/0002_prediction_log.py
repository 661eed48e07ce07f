"""The prediction log: partitioned by month, by range of its UUIDv7 id, which Django cannot say."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

LOG = """
CREATE TABLE predictions_prediction (
    id uuid PRIMARY KEY,
    made_at timestamptz NOT NULL,
    model_id bigint NOT NULL,
    version_id bigint NOT NULL,
    deployment_id bigint,
    generation bigint NOT NULL,
    role varchar(10) NOT NULL,
    actor varchar(100) NOT NULL,
    key_id bigint,
    market varchar(64) NOT NULL,
    horizon smallint NOT NULL CHECK (horizon >= 0),
    as_of timestamptz,
    target_at timestamptz,
    candles_sha256 varchar(64) NOT NULL,
    vector double precision[] NOT NULL,
    probability_up double precision NOT NULL,
    direction varchar(4) NOT NULL,
    simulated boolean NOT NULL,
    warnings varchar(64)[] NOT NULL,
    CONSTRAINT a_probability_lies_between_0_and_1 CHECK (probability_up >= 0 AND probability_up <= 1)
) PARTITION BY RANGE (id);
CREATE INDEX predictions_by_model ON predictions_prediction (model_id, id DESC);
CREATE INDEX predictions_by_key ON predictions_prediction (key_id, id DESC);
CREATE TABLE predictions_prediction_default PARTITION OF predictions_prediction DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("predictions", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(LOG, "DROP TABLE predictions_prediction")],
            state_operations=[
                migrations.CreateModel(
                    name="Prediction",
                    fields=[
                        ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                        ("made_at", models.DateTimeField()),
                        (
                            "generation",
                            models.BigIntegerField(help_text="What the process that answered had seen of the ledger."),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("production", "Production"),
                                    ("trial", "a staged version, asked for by number"),
                                    ("shadow", "Shadow"),
                                    ("arm", "an arm of an experiment"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("actor", models.CharField(max_length=100)),
                        (
                            "market",
                            models.CharField(
                                blank=True, help_text="Empty where the client sent the features.", max_length=64
                            ),
                        ),
                        ("horizon", models.PositiveSmallIntegerField()),
                        ("as_of", models.DateTimeField(null=True)),
                        ("target_at", models.DateTimeField(help_text="When the target candle closes.", null=True)),
                        (
                            "candles_sha256",
                            models.CharField(
                                blank=True, help_text="Of the candles that the vector came from.", max_length=64
                            ),
                        ),
                        (
                            "vector",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(),
                                help_text="As the model saw it: each value is exact in its own dtype.",
                                size=None,
                            ),
                        ),
                        ("probability_up", models.FloatField()),
                        ("direction", models.CharField(choices=[("up", "Up"), ("down", "Down")], max_length=4)),
                        ("simulated", models.BooleanField()),
                        (
                            "warnings",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=64), default=list, size=None
                            ),
                        ),
                        (
                            "deployment",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="registry.deployment",
                            ),
                        ),
                        (
                            "key",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="predictions.apikey",
                            ),
                        ),
                        (
                            "model",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="predictions",
                                to="registry.registeredmodel",
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="registry.modelversion",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(fields=["model", "-id"], name="predictions_by_model"),
                            models.Index(fields=["key", "-id"], name="predictions_by_key"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("probability_up__gte", 0), ("probability_up__lte", 1)),
                                name="a_probability_lies_between_0_and_1",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
