"""Clients that are programs, as contenders' processes: one program for each peer, driven over its own interface.

`program` is what they share, `aria2` and `transmission` how each is started and asked; `received` counts what they do
not tell.
"""
