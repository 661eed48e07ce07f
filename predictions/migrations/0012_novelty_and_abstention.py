"""An answer knows how novel its row was; one that abstained has no direction.

One statement, for one wait for the lock; nothing is read or written of the rows that are there.
"""

from django.db import migrations, models

import predictions.models.log

ALTER = """
ALTER TABLE predictions_prediction
    ADD novelty real,
    ALTER direction DROP NOT NULL,
    ADD CONSTRAINT who_abstains_knows_the_novelty CHECK (direction IS NOT NULL OR novelty IS NOT NULL) NOT VALID;
"""
BACK = """
ALTER TABLE predictions_prediction
    DROP CONSTRAINT who_abstains_knows_the_novelty, DROP novelty, ALTER direction SET NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("predictions", "0011_rate_limits_admit_something"),
        ("registry", "0011_answer_policies"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ALTER, BACK)],
            state_operations=[
                migrations.AlterField(
                    "prediction",
                    "probability_up",
                    models.FloatField(help_text="Of the model; withheld from the client where it abstained."),
                ),
                migrations.AlterField(
                    "prediction",
                    "direction",
                    models.CharField(
                        choices=[("up", "Up"), ("down", "Down")],
                        help_text="None where the model abstained: its row was too novel.",
                        max_length=4,
                        null=True,
                    ),
                ),
                migrations.AddField(
                    "prediction",
                    "novelty",
                    predictions.models.log.RealField(
                        help_text="1 in 100 of the rows learnt from scores above 1; none where unknown.", null=True
                    ),
                ),
                migrations.AddConstraint(
                    "prediction",
                    models.CheckConstraint(
                        condition=models.Q(direction__isnull=False) | models.Q(novelty__isnull=False),
                        name="who_abstains_knows_the_novelty",
                    ),
                ),
            ],
        )
    ]
