"""Pages that ask before anything changes: GET shows what is and what would be, POST does it, in one place for all."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.generic import FormView

from cryptoml_site.errors import Refused
from registry.actors import user_actor
from registry.admin.dressing import dress
from registry.admin.lists import M, QuickAdmin

if TYPE_CHECKING:
    _FormView = FormView[forms.Form]
else:
    _FormView = FormView


class AskingPage(PermissionRequiredMixin, _FormView):
    """A form in the admin's frame. Without the permission 403, a refusal of the domain is said above the form."""

    raise_exception = True
    template_name = "admin/registry/asking_page.html"
    form_class: type[forms.Form] = forms.Form
    model_admin: Any = None  # given to as_view()
    verb: ClassVar[str]  # on the button
    explanation: ClassVar[str] = ""
    tone: ClassVar[str] = "default"  # of the button that leads here: "primary" where it is what most come for
    takes_away: ClassVar[bool] = False

    @property
    def actor(self) -> str:
        return user_actor(self.request.user)

    @property
    def button(self) -> str:
        return "danger" if self.takes_away else "primary"

    def admin_url(self, page: str, *args: Any) -> str:
        opts = self.model_admin.opts
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)

    def get_form(self, form_class: type[forms.Form] | None = None) -> forms.Form:
        return dress(super().get_form(form_class))

    def act(self, answers: dict[str, Any]) -> HttpResponse:
        """What the button does. May raise Refused, having changed nothing."""
        raise NotImplementedError

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            return self.act(form.cleaned_data)
        except Refused as refused:
            for problem in refused.problems:
                form.add_error(problem.field if problem.field in form.fields else None, problem.sentence)
            return self.form_invalid(form)

    @property
    def back(self) -> str:
        return self.admin_url("changelist")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        frame = self.model_admin.admin_site.each_context(self.request)
        return super().get_context_data(**frame, opts=self.model_admin.opts, title=self.title, **kwargs)

    @property
    def title(self) -> str:
        return self.verb


class Confirmation(AskingPage):
    """Asks before it changes one row, the subject."""

    name: ClassVar[str]  # in the URL

    @classmethod
    def offered(cls, subject: Any) -> bool:
        """Whether the row's own page shows the button."""
        raise NotImplementedError

    def change(self, answers: dict[str, Any]) -> str:
        """Change the subject, and say what was done."""
        raise NotImplementedError

    @cached_property
    def subject(self) -> Any:
        found = self.model_admin.get_object(self.request, unquote(str(self.kwargs["object_id"])))
        if found is None:
            raise Http404(f"there is no such {self.model_admin.opts.verbose_name}")
        return found

    @property
    def back(self) -> str:
        return self.admin_url("change", self.subject.pk)

    @property
    def landing(self) -> str:
        """Where to go once it is done."""
        return self.back

    @property
    def title(self) -> str:
        return f"{self.verb} {self.subject}"

    def act(self, answers: dict[str, Any]) -> HttpResponse:
        said = self.change(answers)
        self.model_admin.log_change(self.request, self.subject, said)
        self.model_admin.message_user(self.request, f"Done: {said}.", messages.SUCCESS)
        return redirect(self.landing)

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        self.__dict__.pop("subject", None)  # a refused change may have left marks on it: show what is stored
        return super().form_invalid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(object=self.subject, **kwargs)


class ConfirmingAdmin(QuickAdmin[M]):
    """Offers its pages as buttons on a row's own page, and on the list for one selected row."""

    change_form_template = "admin/registry/confirming_change_form.html"
    pages: tuple[type[Confirmation], ...] = ()

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        opts = self.opts
        ours = [
            path(
                f"<path:object_id>/{page.name}/",
                self.admin_site.admin_view(page.as_view(model_admin=self)),
                name=f"{opts.app_label}_{opts.model_name}_{page.name}",
            )
            for page in self.pages
        ]
        return [*ours, *super().get_urls()]

    def page_url(self, page: type[Confirmation], subject: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page.name}", args=[subject.pk])

    def pages_for(self, request: HttpRequest) -> list[type[Confirmation]]:
        return [page for page in self.pages if request.user.has_perm(str(page.permission_required))]

    def page_of(self, request: HttpRequest, row: M) -> dict[str, Any]:
        """What a row's own page shows beside its fields."""
        return {}

    def buttons(self, request: HttpRequest, subject: M) -> list[dict[str, str]]:
        """The pages that can do something for this row, for who may press their buttons."""
        offered = [page for page in self.pages_for(request) if page.offered(subject)]
        return [{"verb": page.verb, "url": self.page_url(page, subject), "tone": page.tone} for page in offered]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {page.name: (_go_to(page), page.name, f"{page.verb} … (select one)") for page in self.pages_for(request)}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: M | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"pages": self.buttons(request, obj), **self.page_of(request, obj)}
        return super().render_change_form(request, context, add, change, form_url, obj)


def _go_to(page: type[Confirmation]) -> Any:
    """An action of the list: it leads to the page, and changes nothing itself."""

    def go(model_admin: ConfirmingAdmin[Any], request: HttpRequest, selected: QuerySet[Any]) -> HttpResponse | None:
        rows = list(selected[:2])
        if len(rows) != 1:
            model_admin.message_user(request, f"{page.verb}: select one row, not several", messages.ERROR)
            return None
        return redirect(model_admin.page_url(page, rows[0]))

    return admin.action(go)
