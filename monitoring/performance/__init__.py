"""How answers came true: each figure with its interval, its number of outcomes, and what it is to be held against."""
