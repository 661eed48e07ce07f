"""Every web process hears at once that a key changed."""

from django.db import migrations

NOTIFY = """
CREATE FUNCTION predictions_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cryptoml_keys', '');
    RETURN NULL;
END $$;
CREATE TRIGGER a_changed_key_is_told AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON predictions_apikey
    FOR EACH STATEMENT EXECUTE FUNCTION predictions_key_changed();
"""
SILENCE = "DROP TRIGGER a_changed_key_is_told ON predictions_apikey; DROP FUNCTION predictions_key_changed();"


class Migration(migrations.Migration):
    dependencies = [("predictions", "0005_references")]
    operations = [migrations.RunSQL(NOTIFY, SILENCE)]
