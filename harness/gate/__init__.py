"""The gate: whether one revision moves bytes worse than another, judged by pairs of runs.

The rule: it fails only on what two batches of pairs agree on, and says so when it cannot know.
"""
