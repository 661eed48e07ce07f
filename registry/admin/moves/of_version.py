"""What can be done with one version."""

from typing import Any

from cryptoml_site.errors import Refused
from registry.admin.comparing import Comparison
from registry.admin.moves.page import LedgerPage, MovePage
from registry.forms import PromotionForm
from registry.gates import judge
from registry.models import Deployment, ModelVersion
from registry.models.ledger import Who

Stage = ModelVersion.Stage


class VersionPage(LedgerPage):
    @property
    def version(self) -> ModelVersion:
        found: ModelVersion = self.subject
        return found


class PromotePage(MovePage, VersionPage):
    """Shows what answers now and what would, the figures beside their baselines, and what each gate says."""

    kind = Deployment.Kind.PROMOTE
    name, verb, done = "promote", "Promote", "is in production"
    tone = "primary"
    form_class = PromotionForm
    template_name = "admin/registry/promote.html"

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.stage in (Stage.CANDIDATE, Stage.STAGING) and subject.purged_at is None

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.version.promote(override=answers["override"], leaving=answers["leaving"], **who)

    @property
    def blocked(self) -> str:
        """Why no override would help; empty where nothing but its gates stands in the way."""
        try:
            self.version.check_promotable(self.actor)
        except Refused as refused:
            return str(refused)
        return ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        version, production = self.version, self.model.versions.in_production().first()
        beside = [version] if production in (None, version) else [version, production]
        evidence = judge(version, override=True)
        return super().get_context_data(
            production=production,
            comparison=Comparison(beside),
            quarantined=version.quarantined,
            blocked=self.blocked,
            evidence=evidence,
            refusing=sum(verdict.outcome != "pass" for verdict in evidence.verdicts),
            **kwargs,
        )


class StagePage(VersionPage):
    """A candidate is staged: ready to answer, and to be tried by its number."""

    kind = Deployment.Kind.STAGE
    name, verb, done = "stage", "Stage", "is staged"
    explanation = "A staged version is kept ready and can be tried by number; what answers stays as it is."

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.stage == Stage.CANDIDATE and subject.purged_at is None

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.version.to_staging(**who)


class ArchivePage(VersionPage):
    kind = Deployment.Kind.ARCHIVE
    name, verb, done = "archive", "Archive", "is archived"
    explanation = (
        "An archived version is put away: it keeps its files and its history, and is promoted only once restored."
    )

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.stage in (Stage.CANDIDATE, Stage.STAGING)

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.version.to_archive(**who)


class RestorePage(VersionPage):
    kind = Deployment.Kind.RESTORE
    name, verb, done = "restore", "Restore", "is a candidate again"
    explanation = "A restored version is a candidate again, and its gates are asked anew when it is promoted."

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.stage == Stage.ARCHIVED and subject.purged_at is None

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.version.restore(**who)


class LiftPage(VersionPage):
    """The quarantine of a version that was rolled back from ends here, by a person's word."""

    kind = Deployment.Kind.LIFT
    name, verb, done = "lift-quarantine", "Lift quarantine", "is out of quarantine"
    explanation = (
        "This version was rolled back from, so nothing promotes it until a person says that it may answer again."
    )

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.quarantined

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.version.lift_quarantine(**who)


class PurgePage(VersionPage):
    """For owners alone: what it deletes comes back by no way."""

    kind = Deployment.Kind.PURGE
    name, verb, done = "purge", "Purge files", "has no files any more"
    permission_required = "registry.delete_modelversion"
    explanation = (
        "Its files are deleted for good: it can be neither rolled back to nor replayed. What is known of it stays, and "
        "its answers too."
    )

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.stage == Stage.ARCHIVED and subject.purged_at is None

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.version.purge(**who)
