"""The structured family: a node of the Mainline DHT (BEP 5), a Kademlia whose lookups take about log n steps."""
