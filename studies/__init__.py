"""Studies of the method itself, through the doors that everybody uses: what candles give, what the gates let by."""
