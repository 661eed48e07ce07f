"""Every queue that a task is sent to is emptied by somebody, under `up` as in containers."""

import re

import yaml
from django.conf import settings

from cryptoml_site.embedded.home import SITE
from cryptoml_site.embedded.workers import worker_programs

QUEUES = {settings.CELERY_TASK_DEFAULT_QUEUE, *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())}


def emptied(commands):
    return {
        queue for command in commands for found in re.findall(r"--queues (\S+)", command) for queue in found.split(",")
    }


def test_up_has_a_worker_for_every_queue():
    assert emptied(" ".join(program.command) for program in worker_programs()) == QUEUES


def test_containers_have_a_worker_for_every_queue():
    services = yaml.safe_load((SITE / "docker-compose.yml").read_text())["services"]
    begun = {service["command"][0] for service in services.values() if "command" in service}
    roles = (SITE / "deploy" / "docker" / "entrypoint").read_text().split("case ")[-1].split(";;")
    ours = [role for role in roles if role.split(")")[0].strip() in begun]
    assert emptied(re.sub(r"\bworker (?=\S+ \w+ --pool)", "--queues ", role) for role in ours) == QUEUES
