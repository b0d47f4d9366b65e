"""libtorrent as a contender's processes: a fleet with one session a peer, and a seed.

`settings` holds what it is tuned with, `client` one session. Only this package imports libtorrent.
"""
