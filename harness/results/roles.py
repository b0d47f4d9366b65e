"""Who uses the resources that samples count."""

from enum import StrEnum


class Role(StrEnum):
    """The roles of a sample. `machine` is the busy time of all cores, whoever used them."""

    SERVER = "server"
    PEERS = "peers"
    HARNESS = "harness"
    MACHINE = "machine"
