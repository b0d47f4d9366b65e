"""A BitTorrent peer on a sans-IO core, the peer-to-peer side of every comparison."""
