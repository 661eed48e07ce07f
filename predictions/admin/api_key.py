from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString

from cryptoml_site.clock import now
from predictions.callers import STAFF_PERMISSIONS
from predictions.forms import KeyForm
from predictions.models import ApiKey, Scope
from registry.admin.links import links_to_related
from registry.admin.pages import AskingPage, Confirmation, ConfirmingAdmin


class IssuePage(AskingPage):
    """Shows the secret in its own answer: neither a cookie nor a session ever holds it."""

    verb = "Issue key"
    permission_required = "predictions.add_apikey"
    form_class = KeyForm
    explanation = "You may grant what you may do yourself. The secret is shown once, on the next page."

    def get_form_kwargs(self) -> dict[str, Any]:
        held = [scope for scope in Scope if self.request.user.has_perm(STAFF_PERMISSIONS[scope])]
        return {**super().get_form_kwargs(), "may_grant": held}

    def act(self, answers: dict[str, Any]) -> HttpResponse:
        key, secret = ApiKey.objects.issue(created_by=self.actor, **answers)
        self.model_admin.log_addition(self.request, key, "issued")
        frame = self.model_admin.admin_site.each_context(self.request)
        context = {**frame, "title": f"Key {key}", "key": key, "secret": secret, "back": self.back}
        return render(self.request, "admin/predictions/apikey/issued.html", context)


class RevokePage(Confirmation):
    name, verb = "revoke", "Revoke"
    permission_required = "predictions.change_apikey"
    explanation = "Whoever uses this key is refused from now on. It cannot be undone: issue a new key instead."

    @classmethod
    def offered(cls, subject: ApiKey) -> bool:
        return subject.revoked_at is None

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.revoke()
        return f"{self.subject} is revoked"


class OpenFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "active"), ("shut", "revoked or expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey] | None:
        shut = Q(revoked_at__isnull=False) | Q(expires_at__isnull=False, expires_at__lte=now())
        return {"active": queryset.exclude(shut), "shut": queryset.filter(shut)}.get(self.value() or "")


@admin.register(ApiKey)
class ApiKeyAdmin(ConfirmingAdmin[ApiKey]):
    """Programs' ways in. A key is issued and revoked, never edited."""

    pages = (RevokePage,)
    list_display = ("name", "prefix", "state", "may", "rate_limit", "created_by", "created_at", "expires_at")
    list_filter = (OpenFilter,)
    ordering = ("-pk",)
    search_fields = ("name", "^prefix", "created_by")
    search_help_text = "Name of a key, beginning of its secret, or who made it (user:anna)"
    fields = (
        "name",
        "prefix",
        "state",
        "may",
        "rate_limit",
        "created_by",
        "created_at",
        "expires_at",
        "revoked_at",
        "links",
    )

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return IssuePage.as_view(model_admin=self)(request)  # type: ignore[return-value]

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return f"revoked on {key.revoked_at:%Y-%m-%d}"
        if key.expires_at is not None and key.expires_at <= now():
            return f"expired on {key.expires_at:%Y-%m-%d}"
        return "active"

    @admin.display(description="scopes")
    def may(self, key: ApiKey) -> str:
        return "all" if set(key.scopes) == set(Scope.values) else ", ".join(key.scopes) or "none"

    @admin.display(description="see also")
    def links(self, key: ApiKey) -> SafeString:
        return links_to_related(self.admin_site, key)
