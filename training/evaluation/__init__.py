"""Honest evaluation as arithmetic: arrays in, figures out. NumPy alone, so that web code may use it too."""
