"""Sources of candles by the name that a market holds.

Ours are named by dotted paths too: the web, which seldom asks for candles, imports an HTTP client only when it does.
"""

from collections.abc import Callable

from django.utils.module_loading import import_string

from cryptoml_site.errors import Invalid, Refused, Unknown
from training.market_data.sources.coingecko import ATTRIBUTION
from training.market_data.sources.replies import one_line
from training.market_data.sources.source import PATIENCE_SECONDS, MarketSource
from training.models import Market
from training.plugins import named_by_path

HERE = __name__.rpartition(".")[0]
COINGECKO = f"{HERE}.coingecko.source.CoinGecko"
EXCHANGE = f"{HERE}.exchange.Exchange"
ATTRIBUTIONS = {"coingecko": ATTRIBUTION, "ccxt": "", "csv": "", "simulated": ""}
LONGEST = Market._meta.get_field("source").max_length or 0


def source_named(
    name: str, *, patience: float = PATIENCE_SECONDS, patience_unreached: float = PATIENCE_SECONDS
) -> MarketSource:
    """`coingecko`, `ccxt:EXCHANGE`, or the dotted path of a class outside this repository.

    patience: seconds that each question may wait. patience_unreached: those for a provider of whom nothing is heard.
    Raises Unknown for a name that leads nowhere, Invalid for one that
    leads to something else, Refused where an optional package is absent; all name the field `source`.
    """
    source = _built(name)
    source.patience, source.patience_unreached = patience, patience_unreached
    return source


def attribution_of(name: str) -> str:
    """What a provider asks to have shown beside its data; empty where nobody asks for it. Nothing is connected."""
    kind = name.partition(":")[0]
    if kind in ATTRIBUTIONS:
        return ATTRIBUTIONS[kind]
    try:
        return _class_at(name).attribution
    except Refused:  # a class of a user that is gone
        return ""


def _built(name: str) -> MarketSource:
    kind, _, exchange = name.partition(":")
    if name == "coingecko":
        return _class_at(COINGECKO)()
    if kind == "ccxt":
        on_exchange: Callable[[str], MarketSource] = import_string(EXCHANGE)
        return on_exchange(exchange)
    return _of_a_user(name)


def _of_a_user(path: str) -> MarketSource:
    if len(path) > LONGEST:
        raise _invalid(f"'{path}' has {len(path)} characters, a market holds {LONGEST}: import it higher up")
    found = _class_at(path)
    try:
        source = found()
    except TypeError as error:
        raise _invalid(f"{path} cannot be made without arguments: {error}") from None
    except Refused:
        raise
    except Exception as error:  # somebody else's class may raise whatever it likes
        raise _invalid(f"{path} cannot be made ({one_line(f'{type(error).__name__}: {error}')})") from error
    source.name = path
    return source


def _class_at(path: str) -> type[MarketSource]:
    if "." not in path:
        raise Unknown(
            f"no source is called '{path}': name coingecko, ccxt:EXCHANGE, or a class by its dotted path",
            code="unknown_source",
            field="source",
        )
    found = named_by_path(path, what="source", code="unknown_source")
    if not (isinstance(found, type) and issubclass(found, MarketSource)):
        raise _invalid(f"{path} is no {MarketSource.__name__}: make it a subclass of {MarketSource.__module__}'s")
    return found


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, code="bad_source", field="source")
