"""The shell: sockets, files, clocks and commands around the core. It decides nothing that the core could decide."""
