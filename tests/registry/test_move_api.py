"""Moving versions over HTTP: the methods that the admin calls, behind a scope, done once for a key."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from cryptoml_site.clock import now
from registry.models import Deployment
from tests.factories import make_model, make_version, report
from tests.predictions.conftest import client_with

pytestmark = pytest.mark.django_db
NAME = "bitcoin-usd-1d"
BODIES = {
    "promote": {"version": 1, "reason": "better"},
    "rollback": {"reason": "worse"},
    "stage": {"version": 1, "reason": "a try"},
    "archive": {"version": 1, "reason": "no use"},
    "restore": {"version": 1, "reason": "of use"},
    "lift-quarantine": {"version": 1, "reason": "it was the data"},
    "suspend": {"reason": "the market is closed"},
    "resume": {"reason": "it is open"},
}


@pytest.fixture
def operator():
    return client_with(["registry:write"])


def move(client, verb, body=None, *, name=NAME, **headers):
    body = BODIES[verb] if body is None else body
    return client.post(f"/api/v1/models/{name}/{verb}", body, format="json", headers=headers)


def problem(response):
    [found] = response.json()["errors"]
    return response.status_code, found["code"], found["attr"]


def in_production():
    return Deployment.objects.in_force().get().to_version.number


def staff(*permissions):
    user = User.objects.create_user("anna", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = APIClient()
    client.force_login(user)
    return client


def test_promote_answers_with_the_ledgers_row(operator):
    make_version()
    body = move(operator, "promote", **{"X-Request-ID": "release-7"}).json()
    row = Deployment.objects.get(kind="promote")
    assert {name: body[name] for name in ("generation", "model", "kind", "from", "to", "reason", "request_id")} == {
        "generation": row.generation,
        "model": NAME,
        "kind": "promote",
        "from": None,
        "to": 1,
        "reason": "better",
        "request_id": "release-7",
    }
    assert (row.actor, row.request_id) == (operator.key.label, "release-7")
    assert body["evidence"]["passed"]


def test_the_life_of_two_versions_over_http(operator):
    make_version()
    make_version()
    verbs = [("stage", 1), ("promote", 1), ("promote", 2), ("rollback", None), ("suspend", None), ("resume", None)]
    for verb, number in verbs:
        body = BODIES[verb] | ({"version": number} if number else {})
        assert move(operator, verb, body).status_code == 200, verb
    kinds = list(Deployment.objects.order_by("generation").values_list("kind", flat=True))
    assert kinds == ["stage", "promote", "stage", "promote", "rollback", "suspend", "resume"]
    assert in_production() == 1


def test_archive_and_restore(operator):
    version = make_version()
    assert move(operator, "archive").json()["kind"] == "archive"
    assert move(operator, "restore").json()["kind"] == "restore"
    version.refresh_from_db()
    assert version.stage == "candidate"


def test_a_refused_promotion_tells_what_the_gates_said(operator):
    make_version(metrics=report(edge_low=-1))
    response = move(operator, "promote")
    assert problem(response) == (409, "gate_refused", None)
    said = {verdict["gate"]: verdict["outcome"] for verdict in response.json()["evidence"]["verdicts"]}
    assert said["EdgeOverBaseline"] == "fail"
    assert not Deployment.objects.exists()


def test_a_key_passes_a_gate_only_by_a_scope_of_its_own(operator):
    make_version(metrics=report(edge_low=-1))
    body = BODIES["promote"] | {"override": True}
    assert problem(move(operator, "promote", body)) == (403, "missing_scope", None)
    assert move(client_with(["registry:write", "registry:override"]), "promote", body).status_code == 200
    assert Deployment.objects.get(kind="promote").evidence["overridden"]


def test_a_person_passes_a_gate_only_by_a_permission_of_its_own():
    make_version(metrics=report(edge_low=-1))
    body = BODIES["promote"] | {"override": True}
    assert problem(move(staff("change_modelversion"), "promote", body)) == (403, "missing_scope", None)
    User.objects.all().delete()
    assert move(staff("change_modelversion", "override_gates"), "promote", body).status_code == 200
    assert Deployment.objects.get(kind="promote").actor == "user:anna"


@pytest.mark.parametrize("verb", BODIES)
def test_nobody_moves_without_the_scope(verb):
    make_version()
    assert problem(move(client_with(["registry:read", "predict", "registry:override"]), verb))[0] == 403
    assert problem(move(APIClient(), verb))[0] == 401
    assert problem(move(staff("view_modelversion"), verb))[0] == 403
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("verb", BODIES)
def test_nothing_moves_by_get(verb, operator):
    make_version()
    assert operator.get(f"/api/v1/models/{NAME}/{verb}").status_code == 405


def test_a_signed_in_person_needs_the_token_against_forgery():
    make_version()
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    assert move(client, "promote").status_code == 403
    assert not Deployment.objects.exists()


def test_a_key_lifts_no_quarantine_and_a_person_does(operator):
    for _ in range(2):
        make_version().promote(actor="user:o", reason="new")
    make_model().rollback(actor="user:o", reason="worse")
    body = {"version": 2, "reason": "it was the data"}
    assert problem(move(operator, "lift-quarantine", body)) == (409, "needs_a_person", None)
    assert move(staff("change_modelversion"), "lift-quarantine", body).status_code == 200


def test_of_two_rollbacks_at_once_the_second_is_told_who_was_quicker(operator):
    for _ in range(2):
        make_version().promote(actor="user:o", reason="new")
    body = {"reason": "worse", "from": 2}
    assert move(operator, "rollback", body).status_code == 200
    response = move(client_with(["registry:write"]), "rollback", body)
    assert problem(response) == (409, "moved_meanwhile", None)
    assert f"{operator.key.label} rolled back to version 1" in response.json()["errors"][0]["detail"]
    assert in_production() == 1


@pytest.mark.parametrize(("leaving", "status"), [(0, 200), (None, 200), (1, 409)])
def test_promote_says_what_it_expects_to_leave(operator, leaving, status):
    make_version()
    assert move(operator, "promote", BODIES["promote"] | {"from": leaving}).status_code == status


WRONG = [
    ("promote", {"reason": "x"}, "version"),
    ("promote", {"version": 1}, "reason"),
    ("promote", {"version": 1, "reason": "  "}, "reason"),
    ("promote", {"version": 1, "reason": "x" * 1_001}, "reason"),
    ("promote", {"version": 0, "reason": "x"}, "version"),
    ("promote", {"version": 2**31, "reason": "x"}, "version"),
    ("promote", {"version": "one", "reason": "x"}, "version"),
    ("promote", {"version": 1, "reason": "x", "overide": True}, "overide"),
    ("promote", {"version": 1, "reason": "x", "override": "perhaps"}, "override"),
    ("promote", {"version": 1, "reason": "x", "from": -1}, "from"),
    ("rollback", {"reason": "x", "version": 1}, "version"),
    ("rollback", {"reason": "x", "to": 0}, "to"),
    ("suspend", {}, "reason"),
    ("suspend", {"reason": "a\x00b"}, "reason"),
]


@pytest.mark.parametrize(("verb", "body", "field"), WRONG)
def test_bad_input_names_the_field(verb, body, field):
    make_version()
    response = move(client_with(["registry:write", "registry:override"]), verb, body)
    status, _, attr = problem(response)
    assert (status, attr) == (400, field)
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("body", [[], "promote", 7, None])
def test_a_body_that_is_no_object_is_refused(operator, body):
    make_version()
    response = operator.post(f"/models/{NAME}/promote", body, format="json")
    assert response.status_code == 400, response.content


@pytest.mark.parametrize(
    ("verb", "body", "name", "code"),
    [
        ("promote", {"version": 9, "reason": "x"}, NAME, "unknown_version"),
        ("rollback", {"reason": "x", "to": 9}, NAME, "unknown_version"),
        ("promote", {"version": 1, "reason": "x"}, "none", "unknown_model"),
    ],
)
def test_what_does_not_exist_is_named(operator, verb, body, name, code):
    make_version()
    assert problem(move(operator, verb, body, name=name))[:2] == (404, code)


def test_a_version_of_another_model_is_not_promoted(operator):
    make_version()
    make_version(model=make_model("other", default=False))
    make_version(model=make_model("other", default=False))
    assert problem(move(operator, "promote", {"version": 2, "reason": "x"}))[:2] == (404, "unknown_version")


@pytest.mark.django_db(transaction=True)
class TestDoneOnce:
    """`Idempotency-Key`: a client that lost its reply asks again, and nothing moves twice."""

    KEY = {"Idempotency-Key": "release-7"}

    def test_the_same_key_gives_the_first_reply_again(self, operator):
        make_version()
        first, again = (move(operator, "promote", **self.KEY) for _ in range(2))
        assert first.status_code == again.status_code == 200
        assert first.content == again.content
        assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
        assert Deployment.objects.filter(kind="promote").count() == 1

    def test_a_rollback_asked_twice_is_done_once(self, operator):
        for _ in range(2):
            make_version().promote(actor="user:o", reason="new")
        for _ in range(2):
            assert move(operator, "rollback", **self.KEY).status_code == 200
        assert in_production() == 1

    def test_another_body_under_the_same_key_is_refused(self, operator):
        make_version()
        move(operator, "promote", **self.KEY)
        other = move(operator, "promote", BODIES["promote"] | {"reason": "other"}, **self.KEY)
        assert problem(other) == (422, "idempotency_key_reused", "Idempotency-Key")

    def test_a_refusal_is_not_kept(self, operator):
        version = make_version(metrics=report(edge_low=-1))
        assert move(operator, "promote", **self.KEY).status_code == 409
        type(version).objects.filter(pk=version.pk).update(metrics=report())
        assert move(operator, "promote", **self.KEY).status_code == 200


class TestReading:
    @pytest.fixture
    def reader(self):
        return client_with(["registry:read"])

    def test_what_was_in_production_at_a_moment(self, reader):
        make_version().promote(actor="user:anna", reason="first")
        between = now()
        make_version().promote(actor="user:bert", reason="second")
        body = reader.get("/models/registry", {"at": between.isoformat()}).json()
        [row] = body["models"]
        assert (row["production"], row["actor"], row["suspended"]) == (1, "user:anna", False)
        assert body["generation"] == row["generation"] == Deployment.objects.get(actor="user:anna", kind="promote").pk
        assert reader.get("/models/registry").json()["models"][0]["production"] == 2

    def test_whether_it_was_suspended_then(self, reader):
        make_version().promote(actor="user:anna", reason="first")
        before = now()
        make_model().suspend(actor="user:anna", reason="halt")
        assert reader.get("/models/registry").json()["models"][0]["suspended"]
        assert not reader.get("/models/registry", {"at": before.isoformat()}).json()["models"][0]["suspended"]

    def test_before_the_first_move_nothing_was(self, reader):
        make_version().promote(actor="user:anna", reason="first")
        body = reader.get("/models/registry", {"at": "2001-01-01T00:00:00Z"}).json()
        assert (body["generation"], body["models"]) == (0, [])

    @pytest.mark.parametrize("at", ["yesterday", "2026-13-01", ""])
    def test_a_moment_that_is_none_names_the_field(self, reader, at):
        assert problem(reader.get("/models/registry", {"at": at}))[::2] == (400, "at")

    def test_the_future_is_refused(self, reader):
        at = (now() + timedelta(minutes=1)).isoformat()
        assert problem(reader.get("/models/registry", {"at": at})) == (400, "at_lies_ahead", "at")

    def test_a_misspelt_question_is_refused(self, reader):
        assert problem(reader.get("/models/registry", {"when": "2026-01-01T00:00:00Z"}))[::2] == (400, "when")

    def test_the_ledger_of_a_model_newest_first(self, reader, django_assert_max_num_queries):
        for _ in range(3):
            make_version().promote(actor="user:anna", reason="new")
        make_version(model=make_model("other", default=False)).promote(actor="user:o", reason="new")
        with django_assert_max_num_queries(5):
            body = reader.get(f"/models/{NAME}/deployments", {"limit": 4}).json()
        rows = body["results"]
        assert [(row["kind"], row["from"], row["to"]) for row in rows] == [
            ("promote", 2, 3),
            ("stage", None, 3),
            ("promote", 1, 2),
            ("stage", None, 2),
        ]
        assert body["next"]

    def test_two_versions_side_by_side(self, reader):
        make_version()
        make_version(metrics=report(brier=0.2), features="technical")
        body = reader.get(f"/models/{NAME}/compare", {"a": 1, "b": 2}).json()
        assert body["figures"]["brier"] == {"1": 0.24, "2": 0.2}
        assert not body["features"]["same_signature"]
        assert "price" in body["features"]["dropped"]

    @pytest.mark.parametrize(("asked", "field"), [({"a": 1}, "b"), ({"a": 1, "b": "x"}, "b"), ({"a": 0, "b": 1}, "a")])
    def test_what_is_not_said_to_be_compared_is_named(self, reader, asked, field):
        make_version()
        assert problem(reader.get(f"/models/{NAME}/compare", asked))[::2] == (400, field)
