"""The hybrid family: supernodes index what their leaves have, and ask each other."""
