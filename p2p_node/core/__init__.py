"""The swarm's logic, sans-IO: inputs in, effects out; the same code runs over sockets and in virtual time."""
