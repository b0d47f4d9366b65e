"""Analysis: theory beside the measurement, and the figures derived from raw transfers."""
