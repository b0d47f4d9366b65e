"""The fetcher fleet: the client-server side's downloaders, many peers in one process, driven by docs/control-api.md.

The rule: it imports nothing of the harness but `hosting` and errors, so that it is as separate a process as any
contender's.
"""
