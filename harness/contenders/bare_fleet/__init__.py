"""The bare loop: an item streamed over a plain connection, hashed piece by piece and stored, and nothing more.

It is no protocol – no requests, no choice, one source –, but what any program on this event loop could cost at least.
The measure for everything that does more.
"""
