"""What can be done with what answers for a name."""

from typing import Any

from registry.admin.comparing import Comparison
from registry.admin.moves.page import LedgerPage, MovePage
from registry.admin.pages import Confirmation
from registry.forms import RollbackForm
from registry.models import Deployment, RegisteredModel
from registry.models.ledger import Who


class RollbackPage(MovePage):
    """Puts back what the newest move replaced; no gate is asked."""

    kind = Deployment.Kind.ROLLBACK
    name, verb, done = "rollback", "Roll back", "is in production again"
    tone = "primary"
    form_class = RollbackForm
    template_name = "admin/registry/rollback.html"

    @classmethod
    def offered(cls, subject: RegisteredModel) -> bool:
        return subject.versions.answered().exclude(pk__in=subject.versions.in_production()).exists()

    def get_initial(self) -> dict[str, Any]:
        return {**super().get_initial(), "reason": self.suggested}

    @property
    def suggested(self) -> str:
        """True whatever is chosen; whoever signs says more."""
        return f"Back from version {self.leaving}." if self.leaving else ""

    def get_form_kwargs(self) -> dict[str, Any]:
        replaced = self.newest.from_version if self.newest else None
        return {**super().get_form_kwargs(), "model": self.subject, "replaced": replaced and replaced.number}

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.model.rollback(to=answers["to"], leaving=answers["leaving"], override=answers["override"], **who)

    def said(self, moved: Deployment) -> str:
        return f"{moved.to_version} {self.done}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        both = [self.newest.to_version, self.newest.from_version] if self.newest else []
        beside = [version for version in both if version is not None]
        return super().get_context_data(comparison=Comparison(beside[::-1]), **kwargs)


class SuspendPage(LedgerPage):
    kind = Deployment.Kind.SUSPEND
    name, verb, done = "suspend", "Suspend", "is suspended"
    takes_away = True
    explanation = (
        "A suspended model gives no answers: every request for it is refused and no forecast is made, until a person "
        "resumes it. To go on answering with an earlier version, roll back instead."
    )

    @classmethod
    def offered(cls, subject: RegisteredModel) -> bool:
        return subject.suspension is None and subject.deployments.moves().exists()

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.model.suspend(**who)


class ResumePage(LedgerPage):
    kind = Deployment.Kind.RESUME
    name, verb, done = "resume", "Resume", "answers again"
    tone = "primary"
    explanation = "The model answers again, with the version that is in production."

    @classmethod
    def offered(cls, subject: RegisteredModel) -> bool:
        return subject.suspension is not None

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        return self.model.resume(**who)


class MakeDefaultPage(Confirmation):
    name, verb = "make-default", "Make default"
    permission_required = "registry.change_registeredmodel"
    explanation = (
        "The default model answers where a request names none; clients who name none get this one from now on."
    )

    @classmethod
    def offered(cls, subject: RegisteredModel) -> bool:
        return not subject.is_default

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.make_default()
        return f"{self.subject} is the default model"
