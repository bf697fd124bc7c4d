"""Passes: pure functions IR → IR that change how a network is written and never what it computes; one file per pass."""
