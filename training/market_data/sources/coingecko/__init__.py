"""CoinGecko: the past 365 days of thousands of coins without a key, more with one."""

ATTRIBUTION = "Data provided by CoinGecko, https://www.coingecko.com"  # here, so that showing it imports no client
