"""Demand: who wants the item when, and the Locust process that acts it out."""
