"""Modelling: measured figures carried on to a million peers, and models held against what was measured."""
