"""Markets of a source that can be asked: added by a person, fetched now, and how the last question went."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cryptoml_site.errors import Refused, Unavailable
from registry.admin.dressing import dress
from registry.admin.lists import QuickAdmin
from registry.admin.pages import AskingPage, Confirmation
from training.concerns import span
from training.fetch_queue import enqueue_fetch
from training.market_data.add import AmbiguousCoin, add_market
from training.market_data.sources.catalogue import attribution_of
from training.market_data.sources.source import Coin
from training.models import Interval, Market

PATIENCE = 10.0  # seconds that a person waits for one question


class AddMarketForm(forms.Form):
    coin = forms.CharField(
        max_length=100, help_text="Its id at the source, such as bitcoin; or a symbol or name that it alone has."
    )
    currency = forms.CharField(max_length=12, initial="usd", help_text="Such as usd, or usdt at an exchange.")
    interval = forms.ChoiceField(choices=[(each, each) for each in Interval.values], initial=Interval.HOUR)
    source = forms.CharField(
        max_length=40,
        initial="coingecko",
        validators=[RegexValidator(r"^(coingecko|ccxt:[a-z0-9_]+)$", "Write coingecko or ccxt:EXCHANGE.")],
        help_text="coingecko, or ccxt:EXCHANGE. A class of your own is named in the command add_market.",
    )

    def offer(self, coins: list[Coin]) -> None:
        """Have one of them chosen."""
        choices = [("", "choose one"), *((coin.id, str(coin)) for coin in coins)]
        self.fields["coin"].widget = forms.Select(choices=choices)
        dress(self)


class AddMarketPage(AskingPage):
    """Asks the source which coin is meant; nothing is made before that is known."""

    verb = "Add market"
    permission_required = "training.add_market"
    form_class = AddMarketForm
    explanation = (
        "The source is asked for the coin now, and for its candles by a worker. The market comes with a model of its "
        "own name: train it when the candles are there."
    )
    several: list[Coin] | None = None

    def act(self, answers: dict[str, Any]) -> HttpResponse:
        try:
            added = add_market(**answers, patience=PATIENCE)
        except AmbiguousCoin as ambiguous:
            self.several = ambiguous.coins
            raise Refused(
                f"{ambiguous.sentence}: choose the one that is meant", code=ambiguous.code, field="coin"
            ) from None
        with suppress(Unavailable):  # the schedule will ask
            enqueue_fetch(added.market)
        self.model_admin.log_addition(self.request, added.market, str(added))
        self.model_admin.message_user(self.request, f"Done: {added}. Train its model when the candles are there.")
        return redirect(self.admin_url("change", added.market.pk))

    def form_invalid(self, form: AddMarketForm) -> HttpResponse:  # type: ignore[override]  # the only form it has
        if self.several is not None:
            form.offer(self.several)
        return super().form_invalid(form)


class FetchPage(Confirmation):
    name, verb = "fetch", "Fetch now"
    permission_required = "training.change_market"
    explanation = (
        "A worker asks the source for what closed since the newest candle. That happens by itself after each close; a "
        "source that gave nothing is asked again after growing pauses, which this does not wait for."
    )

    @classmethod
    def offered(cls, subject: Market) -> bool:
        return subject.fetched

    def change(self, answers: dict[str, Any]) -> str:
        if not self.subject.fetched:
            raise Refused(f"{self.subject} comes from '{self.subject.source}', which cannot be asked", field="market")
        enqueue_fetch(self.subject)
        return f"a fetch of {self.subject} is queued"


class AttributingAdmin(QuickAdmin[Any]):
    """Names the providers whose data is in the list, as they ask for it."""

    list_after_template = "admin/training/attributions.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        sources = Market.objects.fetched().values_list("source", flat=True).distinct().order_by()
        attributions = sorted({attribution_of(source) for source in sources} - {""})
        return super().changelist_view(request, {**(extra_context or {}), "attributions": attributions})


def fetching_said(market: Market, at: datetime) -> str:
    """How its source was asked last, and when it is asked again; empty for a market that is not fetched."""
    if not market.fetched:
        return ""
    state = getattr(market, "fetch_state", None)
    if state is None:
        return "not asked yet"
    asked = f"asked {span(at - state.asked_at)} ago"
    after = "at once" if state.next_at <= at else f"at {state.next_at:%Y-%m-%d %H:%M:%S} UTC"
    if state.error:
        return f"{asked} in vain: {state.error} It is asked again {after}."
    return f"{asked}, and again {after}"
