"""Models: what the measured figures become with up to a million peers or nodes, from theory and from drawing lots."""
