"""Whether the files of a version may be deleted. Apps above add their reasons by settings.PURGE_GUARDS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

from cryptoml_site.errors import Refused

if TYPE_CHECKING:
    from registry.models import ModelVersion

KEPT = 5  # versions that answered last, to which a rollback may lead


def check_purgeable(version: ModelVersion) -> None:
    """Raises Refused with the first reason to keep the files."""
    if version.purged_at is not None:
        raise Refused(f"the files of {version} were purged already", code="already_purged")
    if version.stage != version.Stage.ARCHIVED:
        raise Refused(f"{version} is {version.stage}: only an archived version is purged", code="cannot_purge")
    if version.pk in _newest_in_production(version):
        raise Refused(
            f"{version} is one of the last {KEPT} that answered for {version.model}: a rollback may need it",
            code="kept",
        )
    for path in settings.PURGE_GUARDS:
        reason: str | None = import_string(path)(version)
        if reason is not None:
            raise Refused(f"{version} is still needed: {reason}", code="kept")


def _newest_in_production(version: ModelVersion) -> list[int]:
    moved = version.model.deployments.moves().order_by("-generation").values_list("to_version", flat=True)
    return list(dict.fromkeys(moved))[:KEPT]
