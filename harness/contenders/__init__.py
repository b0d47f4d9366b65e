"""Contenders: the systems that are compared, each deployed as commands on the hosts of a lab."""
