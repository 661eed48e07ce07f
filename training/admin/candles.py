from django.contrib import admin

from registry.admin.lists import LogAdmin
from training.models import Candle, CandleRevision


@admin.register(Candle)
class CandleAdmin(LogAdmin[Candle]):
    """One closed interval. Absent figures are empty, never zero; a hole is an absent row."""

    owner, moment = "market", "opened_at"
    list_display = ("opened_at", "market", "open", "high", "low", "close", "volume", "revision", "stored_at")
    list_filter = ("market",)
    list_select_related = ("market",)


@admin.register(CandleRevision)
class CandleRevisionAdmin(LogAdmin[CandleRevision]):
    """What a candle said before its source changed it."""

    owner, moment = "candle", "revision"
    list_display = ("revised_at", "candle", "revision", "open", "high", "low", "close", "volume", "stored_at")
    list_filter = (("candle__market", admin.RelatedFieldListFilter),)
    list_select_related = ("candle__market",)
