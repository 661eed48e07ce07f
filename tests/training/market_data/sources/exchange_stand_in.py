"""Binance, Kraken and Coinbase Exchange over real HTTP: the raw rows of each, as its documentation has them."""

import json
import threading
from collections import deque
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from cryptoml_site.clock import now
from tests.training.market_data.sources.quotes import milliseconds, wave
from tests.training.market_data.sources.stand_in import QuietServer

BINANCE_STEPS = {"1h": 3_600_000, "1d": 86_400_000}
KRAKEN_NEWEST = 720
COINBASE_MOST = 300


def figures(opened, step):
    """open, high, low, close, volume of the candle that opened then; the close is the price at its end."""
    first, last = wave(opened).price, wave(opened + step).price
    return first, max(first, last) * 1.001, min(first, last) * 0.999, last, 3.5


def binance_klines(params):
    if params["symbol"] != "BTCUSDT":
        return 400, {"code": -1121, "msg": "Invalid symbol."}
    step, limit = BINANCE_STEPS[params["interval"]], min(1_000, int(params.get("limit", 500)))
    first = -(-int(params["startTime"]) // step) * step
    opened = range(first, milliseconds(now()) + 1, step)[:limit]
    rows = []
    for place in opened:
        prices = [f"{figure:.8f}" for figure in figures(place, step)]
        rows.append([place, *prices, place + step - 1, "1.0", 40, "1.0", "1.0", "0"])
    return 200, rows


def binance_markets(_):
    known = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
    return 200, {"timezone": "UTC", "symbols": [{**known, "isSpotTradingAllowed": True, "permissions": ["SPOT"]}]}


def kraken_candles(params):
    """Only the newest 720, whatever `since` says; seconds; the last one is not committed."""
    step = 60_000 * int(params["interval"])
    moment = milliseconds(now())
    last = moment - moment % step
    first = max(last - (KRAKEN_NEWEST - 1) * step, 1_000 * int(params.get("since", 0)))
    rows = []
    for place in range(-(-first // step) * step, last + 1, step):
        opening, high, low, close, volume = figures(place, step)
        rows.append(
            [place // 1_000, f"{opening:.1f}", f"{high:.1f}", f"{low:.1f}", f"{close:.1f}", "1", f"{volume}", 7]
        )
    return 200, {"error": [], "result": {"XXBTZUSD": rows, "last": last // 1_000}}


def kraken_markets(_):
    pair = {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "status": "online"}
    digits = {"pair_decimals": 1, "lot_decimals": 8, "fees": [[0, 0.26]], "fees_maker": [[0, 0.16]]}
    return 200, {"error": [], "result": {"XXBTZUSD": {**pair, **digits, "leverage_buy": [], "ordermin": "0.0001"}}}


def kraken_assets(_):
    assets = {"XXBT": "XBT", "ZUSD": "USD"}
    described = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
    return 200, {"error": [], "result": {name: {**described, "altname": other} for name, other in assets.items()}}


def coinbase_candles(params):
    """Low before high, the newest first, seconds, and no more than 300."""
    step = 1_000 * int(params["granularity"])
    first, last = (milliseconds(datetime.fromisoformat(params[name])) for name in ("start", "end"))
    if (last - first) // step >= COINBASE_MOST:
        return 400, {"message": "granularity too small for the requested time range"}
    rows = []
    for place in range(first - first % step, min(last, milliseconds(now())) + 1, step):
        opening, high, low, close, volume = figures(place, step)
        rows.append([place // 1_000, low, high, opening, close, volume])
    return 200, rows[::-1]


def coinbase_products(_):
    product = {"id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "status": "online"}
    return 200, [{**product, "base_increment": "0.00000001", "quote_increment": "0.01", "margin_enabled": False}]


def coinbase_currencies(_):
    return 200, [{"id": "BTC", "name": "Bitcoin", "status": "online", "details": {"type": "crypto"}}]


ANSWERS = {
    "/binance/exchangeInfo": binance_markets,
    "/binance/klines": binance_klines,
    "/kraken/0/public/AssetPairs": kraken_markets,
    "/kraken/0/public/Assets": kraken_assets,
    "/kraken/0/public/OHLC": kraken_candles,
    "/coinbase/products": coinbase_products,
    "/coinbase/currencies": coinbase_currencies,
    "/coinbase/products/BTC-USD/candles": coinbase_candles,
}


class ExchangeStandIn:
    """faults: status, body and headers for the next requests for candles, one each."""

    def __enter__(self):
        self.paths, self.faults = [], deque()
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path, params):
        self.paths.append(path)
        candles = ANSWERS.get(path) in (binance_klines, kraken_candles, coinbase_candles)
        if candles and self.faults:
            return self.faults.popleft()
        status, body = ANSWERS[path](params) if path in ANSWERS else (404, {"msg": f"no {path} here"})
        return status, json.dumps(body), {}

    def _handler(self):
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urlsplit(self.path)
                status, body, headers = stand_in.answer(url.path, dict(parse_qsl(url.query)))
                self.send_response(status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                """Nothing."""

        return Handler
