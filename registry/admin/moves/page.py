"""What every page that writes the ledger has in common."""

from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from cryptoml_site.errors import Refused
from registry.admin.pages import Confirmation
from registry.forms import ReasonForm
from registry.models import Deployment, RegisteredModel
from registry.models.ledger import Who


class LedgerPage(Confirmation):
    permission_required = "registry.change_modelversion"
    form_class: type[forms.Form] = ReasonForm
    done: ClassVar[str]  # what became of the subject
    kind: ClassVar[Deployment.Kind]  # of its row

    def move(self, answers: dict[str, Any], who: Who) -> Deployment:
        """Write the ledger's row, or raise Refused."""
        raise NotImplementedError

    @property
    def model(self) -> RegisteredModel:
        """Whose rows the ledger keeps: the subject's."""
        return self.subject if isinstance(self.subject, RegisteredModel) else self.subject.model

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """A form that comes again is not judged again: what it asked for may fit the state of things once more."""
        earlier = self.done_before(request.POST.get("request_id", ""))
        return super().post(request, *args, **kwargs) if earlier is None else self.said_before(earlier)

    def act(self, answers: dict[str, Any]) -> HttpResponse:
        try:
            return super().act(answers)
        except Refused:
            earlier = self.done_before(answers["request_id"])  # its twin was under way, and was quicker
            if earlier is None:
                raise
            return self.said_before(earlier)

    def change(self, answers: dict[str, Any]) -> str:
        who = Who(actor=self.actor, reason=answers["reason"], request_id=answers["request_id"])
        moved = self.move(answers, who)
        return f"{self.said(moved)}: generation {moved.generation}"

    def said(self, moved: Deployment) -> str:
        return f"{self.subject} {self.done}"

    def done_before(self, request_id: str) -> Deployment | None:
        """The row that this very page wrote: its form was sent twice."""
        if not request_id or "\x00" in request_id:
            return None
        own = self.model.deployments.filter(request_id=request_id, actor=self.actor, kind=self.kind)
        about = own if self.subject == self.model else own.filter(to_version=self.subject)
        return about.select_related("to_version").first()

    def said_before(self, earlier: Deployment) -> HttpResponse:
        said = f"This form was sent before and did its work once: {earlier.sentence}."
        self.model_admin.message_user(self.request, said, messages.INFO)
        return redirect(self.landing)


class MovePage(LedgerPage):
    """Changes what answers. Its form says what answered when it was drawn, and is refused when that is past."""

    @property
    def may_override(self) -> bool:
        return self.request.user.has_perm("registry.override_gates")

    @cached_property
    def newest(self) -> Deployment | None:
        """The move that put into production what answers now."""
        return self.model.deployments.newest_move()

    @property
    def leaving(self) -> int:
        return self.newest.to_version.number if self.newest else 0

    @property
    def landing(self) -> str:
        """The model's own page, which shows the workers taking it over."""
        return reverse("admin:registry_registeredmodel_change", args=[self.model.pk])

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        if "override" in request.POST and not self.may_override:
            raise PermissionDenied("overriding gates needs the permission registry.override_gates")
        return super().post(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {**super().get_initial(), "leaving": self.leaving}

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "may_override": self.may_override}

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        """Drawn anew, the page shows what answers now: its next answer is about that."""
        self.__dict__.pop("newest", None)
        form.data = {**dict(form.data.items()), "leaving": str(self.leaving)}
        return super().form_invalid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(newest=self.newest, suspension=self.model.suspension, **kwargs)
