import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from tests.factories import make_model, make_version
from tests.registry.admin.pages import page


@pytest.fixture
def staff(django_user_model):
    """Signs in somebody who has these permissions and no others."""

    def sign_in(*codenames, name="anna"):
        user = django_user_model.objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client(enforce_csrf_checks=False)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def replaced(db):
    """Two versions of one model: the first answered, the second does."""
    old, new = make_version(), make_version()
    old.promote(actor="user:operator", reason="first")
    new.promote(actor="user:operator", reason="second")
    return old, new


@pytest.fixture
def moves(replaced):
    """Each page that changes state, by its name."""
    old, new = replaced
    other, quarantined, shut = (make_model(name, default=False) for name in ("other", "quarantined", "shut"))
    make_version(model=shut).promote(actor="user:operator", reason="first")
    shut.suspend(actor="user:operator", reason="looks wrong")
    first, second = make_version(model=quarantined), make_version(model=quarantined)
    first.promote(actor="user:operator", reason="first")
    second.promote(actor="user:operator", reason="second")
    quarantined.rollback(actor="user:operator", reason="worse")
    return {
        "promote": page("promote", make_version()),
        "stage": page("stage", make_version()),
        "archive": page("archive", make_version()),
        "restore": page("restore", old),
        "lift": page("lift-quarantine", second),
        "rollback": page("rollback", new.model),
        "suspend": page("suspend", new.model),
        "resume": page("resume", shut),
        "make-default": page("make-default", other),
    }
