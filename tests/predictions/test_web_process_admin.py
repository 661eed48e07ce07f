"""What people see of the web processes: how far each is behind the ledger, and what it has on disk."""

from datetime import timedelta

import pytest
from django.urls import reverse

from cryptoml_site.clock import now
from predictions.models import WebProcess
from registry.models import Deployment

LIST = reverse("admin:predictions_webprocess_changelist")


@pytest.fixture
def newest(production):
    """The ledger's newest row."""
    return Deployment.objects.latest("generation")


def shown(client, **facts):
    """Its page, in the list and alone, as one text."""
    process = WebProcess.objects.create(host="here", pid=7, **facts)
    page = reverse("admin:predictions_webprocess_change", args=[process.pk])
    return client.get(LIST).content.decode() + client.get(page).content.decode()


def test_a_process_on_the_newest_generation_is_up_to_date(newest, admin_client):
    said = shown(admin_client, generation=newest.generation)
    assert said.count(f"{newest.generation}, newest") == said.count("up to date") == 2
    assert said.count(">empty<") == 2


def test_a_process_behind_says_how_far_and_for_how_long(newest, admin_client):
    first = Deployment.objects.earliest("generation")
    said = shown(admin_client, generation=0, seen_at=first.created_at + timedelta(seconds=90))
    assert said.count(f"0 of {newest.generation}") == said.count("1 minute behind") == 2


def test_a_move_that_came_with_the_last_heartbeat_is_on_its_way(newest, admin_client):
    said = shown(admin_client, generation=0, seen_at=newest.created_at - timedelta(seconds=1))
    assert said.count("a move is on its way") == 2


def test_answers_that_wait_on_disk_are_said(newest, admin_client):
    said = shown(admin_client, generation=newest.generation, spool_rows=1234)
    assert said.count("1,234 answers wait for Postgres") == 2


def test_of_a_process_that_is_gone_it_is_said_what_it_had(newest, admin_client):
    said = shown(admin_client, generation=0, spool_rows=5, seen_at=now() - timedelta(hours=3))
    assert said.count("gone, last seen 3 hours ago") == said.count("5 answers when last seen") == 2
    assert " behind<" not in said
