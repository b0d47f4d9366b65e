"""The baseline: a central HTTP/1.1 file server, the client-server side of every comparison."""
