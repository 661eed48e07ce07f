"""A process beside the web: makes tables, versions and a key, then moves as it is told, a line each on stdin.

`promote 2` or `rollback 1`; it answers with a line of JSON: {"version": 2, "began": ..., "done": ...}, seconds of the
monotonic clock, which all processes of a machine share.
"""

import json
import sys
import time

import django
from django.core.management import call_command
from django.db import connection

PASSWORD = "browse-as-a-test"  # of the people, who are called like their groups


def furnish():
    """Seven versions that answer differently, the first in production; a key without a limit that bothers; people."""
    from django.contrib.auth.models import Group, User  # noqa: PLC0415  # once Django is set up

    from predictions.models import ApiKey, Scope  # noqa: PLC0415
    from tests.factories import make_version  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    versions = [make_version(probability_up=0.1 + 0.1 * number) for number in range(7)]
    versions[0].promote(actor="user:tester", reason="first")
    for version in versions[1:]:
        version.to_staging(actor="user:tester", reason="next")
    _, secret = ApiKey.objects.issue(
        name="load", scopes=Scope.values, created_by="user:tester", rate_limit=1_000_000_000
    )
    for group in Group.objects.all():
        person = User.objects.create_user(group.name, password=PASSWORD, is_staff=True)
        person.groups.add(group)
    return {"model": versions[0].model.name, "api_key": secret}


def move(model, verb, number):
    version = model.versions.get(number=number)
    began = time.monotonic()
    if verb == "promote":
        version.promote(actor="user:tester", reason="load")
    else:
        model.rollback(actor="user:tester", reason="load", to=number)
    return {"version": number, "began": began, "done": time.monotonic()}


def main():
    django.setup()
    from registry.models import RegisteredModel  # noqa: PLC0415

    furnished = furnish()
    tell(furnished)
    for line in sys.stdin:
        verb, number = line.split()
        connection.close()  # Postgres may have been killed since
        tell(move(RegisteredModel.objects.get(name=furnished["model"]), verb, int(number)))


def tell(said):
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
