from django.contrib import admin
from django.utils.safestring import SafeString

from registry.admin.lists import LogAdmin
from registry.admin.pages import ConfirmingAdmin
from registry.labels import ALARMING, PLAIN, pill
from training.admin.clearing import ClearPage
from training.admin.fetching import AttributingAdmin
from training.models import Candle, CandleRevision


@admin.register(Candle)
class CandleAdmin(AttributingAdmin, LogAdmin[Candle], ConfirmingAdmin[Candle]):
    """One closed interval. Absent figures are empty, never zero; a hole is an absent row."""

    pages = (ClearPage,)
    owner, moment = "market", "opened_at"
    list_display = ("opened_at", "market", "said", "open", "high", "low", "close", "volume", "revision", "stored_at")
    list_filter = ("market", "suspect")
    list_select_related = ("market",)
    fields = (
        ("market", "opened_at"),
        ("open", "high"),
        ("low", "close"),
        ("volume", "market_cap"),
        ("said", "cleared"),
        ("revision", "stored_at"),
        "first_seen_sha256",
    )

    @admin.display(description="suspect")
    def said(self, candle: Candle) -> SafeString | str:
        return pill("suspect", ALARMING) if candle.is_suspect else pill("cleared", PLAIN) if candle.suspect else ""

    @admin.display(description="sha256 of what it said first")
    def first_seen_sha256(self, candle: Candle) -> str:
        return candle.first_seen_sha256


@admin.register(CandleRevision)
class CandleRevisionAdmin(LogAdmin[CandleRevision]):
    """What a candle said before its source changed it."""

    owner, moment = "candle", "revision"
    list_display = ("revised_at", "candle", "revision", "open", "high", "low", "close", "volume", "stored_at")
    list_filter = (("candle__market", admin.RelatedFieldListFilter),)
    list_select_related = ("candle__market",)
