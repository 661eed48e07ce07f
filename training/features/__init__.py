"""Features: pure functions of candles, the same for training and for serving."""
