"""What BitTorrent looks like on the wire and on disk: bytes in, values out, and back; no state, no IO."""
