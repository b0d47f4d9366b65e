"""The subcommands of `p2p-node`, by what they are about."""
