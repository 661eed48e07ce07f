from django.contrib import admin

from registry.admin.history import HistoryAdmin
from registry.admin.lists import QuickAdmin
from registry.models import AnswerPolicy


@admin.register(AnswerPolicy)
class AnswerPolicyAdmin(HistoryAdmin, QuickAdmin[AnswerPolicy]):
    """When one model's versions expire and what is too novel for it; its history keeps each change and who made it."""

    list_display = ("model", "max_age_days", "when_expired", "novelty_limit", "when_novel")
    list_filter = ("model", "when_expired", "when_novel")
    list_select_related = ("model",)
    ordering = ("pk",)
    search_fields = ("model__name",)
    fields = ("model", "max_age_days", "when_expired", "novelty_limit", "when_novel")
