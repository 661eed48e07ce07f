"""What the pages of figures share: the admin's frame, who may look, and whose figures they are."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import Http404
from django.views.generic import TemplateView

from registry.models import RegisteredModel


class Dashboard(PermissionRequiredMixin, TemplateView):
    """Without the permission 403, whatever its address says."""

    raise_exception = True
    title: ClassVar[str]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**admin.site.each_context(self.request), title=self.title, **kwargs)


class ModelDashboard(Dashboard):
    """Of one model, `?model=NAME`; of the default one where none is named."""

    @cached_property
    def models(self) -> list[RegisteredModel]:
        return list(RegisteredModel.objects.order_by("-is_default", "name"))

    @cached_property
    def model(self) -> RegisteredModel | None:
        """None where no model is registered."""
        wanted = self.request.GET.get("model")
        found = [model for model in self.models if wanted in (None, "", model.name)]
        if wanted and not found:
            raise Http404(f"there is no model {wanted[:100]}")
        return found[0] if found else None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(models=self.models, model=self.model, **kwargs)
