"""An answer's page shows everything behind it, and a button computes it again."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.views.generic import TemplateView

from predictions.lineage import lineage_of
from predictions.models import Prediction
from predictions.replay import replay
from registry.admin.lists import LogAdmin


class ReplayPage(PermissionRequiredMixin, TemplateView):
    """Computes one answer again, by POST alone: it takes a moment of the processor, and changes nothing."""

    http_method_names = ["post"]
    raise_exception = True
    permission_required = "predictions.view_prediction"
    template_name = "admin/predictions/prediction/replayed.html"
    model_admin: Any = None  # given to as_view()

    def post(self, request: HttpRequest, object_id: str) -> HttpResponse:
        prediction = self.model_admin.get_object(request, unquote(object_id))
        if prediction is None:
            raise Http404("there is no such prediction")
        return self.render_to_response(
            {
                **self.model_admin.admin_site.each_context(request),
                "opts": self.model_admin.opts,
                "object": prediction,
                "title": f"Answer {prediction} computed again",
                "replay": replay(prediction),
                "replay_url": request.path,
                "back": reverse("admin:predictions_prediction_change", args=[prediction.pk]),
            }
        )


class LineageAdmin(LogAdmin[Prediction]):
    """Below an answer's fields its lineage, with the button."""

    change_form_outer_after_template = "admin/predictions/prediction/lineage.html"

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(ReplayPage.as_view(model_admin=self))
        return [path("<path:object_id>/replay/", page, name="predictions_prediction_replay"), *super().get_urls()]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Prediction | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["lineage"] = lineage_of(obj)
            context["replay_url"] = reverse("admin:predictions_prediction_replay", args=[obj.pk])
        return super().render_change_form(request, context, add, change, form_url, obj)
