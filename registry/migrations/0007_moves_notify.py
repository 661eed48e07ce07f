"""Every web process hears at once that the ledger moved."""

from django.db import migrations

NOTIFY = """
CREATE FUNCTION registry_ledger_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cryptoml_moves', '');
    RETURN NULL;
END $$;
CREATE TRIGGER a_move_is_told AFTER INSERT ON registry_deployment
    FOR EACH STATEMENT EXECUTE FUNCTION registry_ledger_moved();
"""
SILENCE = "DROP TRIGGER a_move_is_told ON registry_deployment; DROP FUNCTION registry_ledger_moved();"


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_permission_to_override_gates")]
    operations = [migrations.RunSQL(NOTIFY, SILENCE)]
