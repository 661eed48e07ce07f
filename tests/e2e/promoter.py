"""A process that forks children, each of which moves versions over HTTP until it is killed.

It answers each line on stdin, `promote` or `rollback`, with the pid of a new child, and says when that has ended.
"""

import itertools
import json
import os
import sys

import django
from django.core.management import call_command
from django.db import connection

VERSIONS = 4


def furnish():
    """A model to promote on and one to roll back on, and the secret of a key that may."""
    from predictions.models import ApiKey, Scope  # noqa: PLC0415  # once Django is set up
    from tests.factories import make_model, make_version  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    for name in ("promote", "rollback"):
        model = make_model(name, default=False)
        for number in range(VERSIONS):
            make_version(model=model, probability_up=0.1 + 0.1 * number).promote(actor="user:tester", reason="first")
    _, secret = ApiKey.objects.issue(
        name="moves", scopes=Scope.values, created_by="user:tester", rate_limit=1_000_000_000
    )
    connection.close()
    return secret


def move_for_ever(verb, secret):
    """Round and round; what is refused is refused."""
    from rest_framework.test import APIClient  # noqa: PLC0415

    parent = os.getppid()
    client = APIClient(headers={"X-API-Key": secret}, raise_request_exception=False, SERVER_NAME="localhost")
    client.get("/models/list")  # what a process does once
    tell({"pid": os.getpid()})
    for number in itertools.cycle(range(1, VERSIONS + 1)):
        if os.getppid() != parent:
            os._exit(0)  # the test ended without killing us
        if verb == "rollback":
            client.post("/models/rollback/rollback", {"reason": "back", "to": number}, format="json")
        else:
            body = {"reason": "again", "version": number}
            client.post("/models/promote/restore", body, format="json")
            client.post("/models/promote/promote", body, format="json")


def main():
    django.setup()
    secret = furnish()
    tell({"furnished": True})
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            move_for_ever(line.strip(), secret)
        os.waitpid(pid, 0)
        tell({"ended": pid})


def tell(said):
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
