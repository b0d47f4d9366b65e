"""What every fleet of the harness is made of: the serving side of docs/control-api.md, whatever client is behind it.

The rule: it imports nothing of the harness but its errors, so that a fleet is as separate a process as any contender's.
"""
