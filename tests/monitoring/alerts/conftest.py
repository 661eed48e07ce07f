import pytest

from cryptoml_site.clock import now
from monitoring.models import AlertChannel, AlertRule, DriftCheck, DriftEvent
from tests.factories import make_version
from tests.monitoring.alerts.receivers import receiving


@pytest.fixture
def receiver(settings):
    settings.ALERT_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    with receiving() as found:
        yield found


@pytest.fixture
def channel(db, receiver):
    return AlertChannel.objects.create(name="ops", kind="webhook", url=receiver.url)


@pytest.fixture
def rule(db, channel):
    """The one of drift, which tells the channel; all others are switched off."""
    AlertRule.objects.exclude(kind="drift").update(enabled=False)
    rule = AlertRule.objects.get(kind="drift")
    rule.channels.set([channel])
    return rule


@pytest.fixture
def incident(db, set_clock):
    """Opens an incident of drift; `close()` ends it as a person would."""
    version = make_version()
    version.promote(actor="user:operator", reason="first")

    def opened(channel="distribution"):
        at = now()
        facts = {"version": version, "state": "done", "status": "alert", "checked_at": at}
        check = DriftCheck.objects.create(model=version.model, asked_by="user:anna", asked_at=at, **facts)
        return DriftEvent.objects.create(
            model=version.model,
            version=version,
            channel=channel,
            sentence="the features moved",
            opened_at=at,
            first_check=check,
            last_check=check,
        )

    return opened
