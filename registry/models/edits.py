"""What people say about a version, and who said it."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.validators import RegexValidator
from django.db import models, transaction

from cryptoml_site.clock import now
from registry.models.ledger import ACTOR
from registry.models.versions import ModelVersion


class VersionEditManager(models.Manager["VersionEdit"]):
    def write(self, version: ModelVersion, *, tags: Sequence[str], description: str, actor: str) -> VersionEdit | None:
        """Give a version these tags and this description, and keep what they were; None where nothing changes."""
        with transaction.atomic():
            held = ModelVersion.objects.select_for_update().get(pk=version.pk)
            before, after = _said(held.tags, held.description), _said(tags, description)
            if before == after:
                return None
            version.tags, version.description = list(after["tags"]), str(after["description"])
            version.save(update_fields=["tags", "description"])
            return self.create(version=version, before=before, after=after, actor=actor)


class VersionEdit(models.Model):
    """One change of a version's tags or description; everything else about a version is immutable."""

    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="edits")
    before = models.JSONField()
    after = models.JSONField()
    actor = models.CharField(max_length=100, validators=[RegexValidator(ACTOR)])
    created_at = models.DateTimeField(default=now)

    objects = VersionEditManager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.version} edited by {self.actor}"


def _said(tags: Sequence[str], description: str) -> dict[str, list[str] | str]:
    return {"tags": sorted({tag.strip() for tag in tags if tag.strip()}), "description": description.strip()}
