"""The namespace lab: hosts on one `lo` of a private network namespace, their links shaped by the kernel, without root.

`lab` is what the harness sees; `holder` is the process that lives inside and lays out the `links`; `pipe` is what the
two say to each other; `entry` is how processes get in.
"""
