"""Postgres itself refuses to change the ledger, whoever asks and by whatever road."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION refuse_to_change_the_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the deployment ledger is append-only: % refused', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'write a new row: a rollback is one';
END
$$;
CREATE TRIGGER the_ledger_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry_deployment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_ledger();
"""

ALLOW = """
DROP TRIGGER the_ledger_is_append_only ON registry_deployment;
DROP FUNCTION refuse_to_change_the_ledger();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
