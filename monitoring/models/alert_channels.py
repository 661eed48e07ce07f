"""Where alerts are sent to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models import F, Q
from django.utils.crypto import salted_hmac
from simple_history.models import HistoricalRecords

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid
from monitoring.alerts.addresses import Target

LEASE = timedelta(seconds=60)  # of a sender; longer than any one attempt takes
SHOWN = 4  # last characters of a secret address


class AlertChannelQuerySet(models.QuerySet["AlertChannel"]):
    def enabled(self) -> Self:
        return self.filter(enabled=True)

    def free(self, at: datetime) -> Self:
        """Those that no sender is at; a lease that ends later than one can was taken by a clock that was wrong."""
        return self.filter(Q(sending_until=None) | Q(sending_until__lte=at) | Q(sending_until__gt=at + LEASE))


class AlertChannel(models.Model):
    """Every change is kept, with who made it, but for the address, which may be a secret itself."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook: signed JSON"
        SLACK = "slack", "Slack, Mattermost, or what takes the same"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=7, choices=Kind)
    enabled = models.BooleanField(
        default=True, help_text="Off: nothing is sent to it. What waits goes on waiting, for a day."
    )
    addresses = models.TextField(
        "e-mail addresses", blank=True, help_text="One a line, or separated by commas. Empty for all else."
    )
    url = models.CharField(
        "webhook address",
        max_length=1_000,
        blank=True,
        help_text="Of a webhook, or Slack: https://HOST/PATH. Treated as a secret. Empty for e-mail.",
    )
    rotation = models.PositiveIntegerField(
        default=1, editable=False, help_text="How often its secret was replaced, and 1."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    sending_by = models.UUIDField(null=True, editable=False)
    sending_until = models.DateTimeField(null=True, editable=False)

    objects = AlertChannelQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["url", "sending_by", "sending_until"])

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="email", url="") & ~Q(addresses=""))
                | (Q(kind__in=["webhook", "slack"], addresses="") & ~Q(url="")),
                name="a_channel_has_addresses_or_a_url",
                violation_error_message="e-mail has addresses and no URL, all else a URL and no addresses",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError, naming the field. No name is looked up: that is done at each attempt."""
        if self.kind == self.Kind.EMAIL:
            self._check_addresses()
        elif not self.url:
            raise ValidationError({"url": "say where to send it: https://HOST/PATH"})
        else:
            try:
                Target.parse(self.url).refuse_what_is_private_by_name()
            except Invalid as invalid:
                raise ValidationError({"url": str(invalid)}) from invalid

    def _check_addresses(self) -> None:
        if not self.recipients:
            raise ValidationError({"addresses": "say to whom: one address a line"})
        for address in self.recipients:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError({"addresses": f"'{address}' is no e-mail address"}) from error

    @property
    def recipients(self) -> list[str]:
        return [address.strip() for address in self.addresses.replace(",", "\n").splitlines() if address.strip()]

    @property
    def secret(self) -> str:
        """Signs what a webhook gets. Nothing secret lies in the database: it is derived from SECRET_KEY."""
        return salted_hmac("monitoring.alert_channel", f"{self.pk}:{self.rotation}", algorithm="sha256").hexdigest()

    @property
    def shown(self) -> str:
        """Where it goes, in a list that many may see."""
        if self.kind == self.Kind.EMAIL:
            return ", ".join(self.recipients)
        return f"{urlsplit(self.url).hostname or '?'}/…{self.url[-SHOWN:]}"

    def replace_secret(self) -> None:
        """What was signed with the old one is refused by receivers from now on, who must be told the new one."""
        AlertChannel.objects.filter(pk=self.pk).update(rotation=F("rotation") + 1)
        self.refresh_from_db(fields=["rotation"])
        self.save(update_fields=["rotation"])  # for its history

    def take(self, sender: UUID) -> bool:
        """For one sender at a time, so that what is sent keeps its order; False where another is at it."""
        moment = now()
        free = AlertChannel.objects.enabled().free(moment) | AlertChannel.objects.enabled().filter(sending_by=sender)
        return bool(free.filter(pk=self.pk).update(sending_by=sender, sending_until=moment + LEASE))

    def leave(self, sender: UUID) -> None:
        AlertChannel.objects.filter(pk=self.pk, sending_by=sender).update(sending_by=None, sending_until=None)
