"""The simulated lab: hosts, links and the unchanged core of `p2p_node` in virtual time, all from one seed.

A map, from the ground up:

- `clock`: what happens when. `links`: an uplink that flows share evenly, a downlink that takes what comes in turn.
- `network`: hosts, connections and datagrams between them; `hosts`, `streams` (one end of a connection each), `rules`
  (pass, delay, drop; partitions; the datagrams' weather).
- `peers`: performs the core's effects, with the help of `disks`, `payload`, `sizes`, `overlays` and `trackers`.
- `swarms`: one torrent and its peers.

In short:

    network = Network(seed=7, weather=Weather(loss=0.01))
    server = network.add_host(up=5e6, down=5e6)
    swarm = Swarm(network, size=1 << 20, piece_length=1 << 16, seed=7, tracked_by=server)
    swarm.add(server, complete=True)
    peers = [swarm.add(network.add_host(up=1e6, down=4e6)) for _ in range(8)]
    network.add_rule(rule := partition({peers[0].address[0]}))
    network.clock.at(3.0, network.end_rule, rule)
    network.clock.at(5.0, peers[1].host.die)
    network.clock.run(until=600, done=lambda: all(peer.complete for peer in peers))

A `Peer` tells `completed_at`, `first_byte_at`, `failed`, `closed` and its `node`, the core itself. `lies` makes it a
poisoner, `disk.full` and `disk.broken` hurt its disk, `leave` ends it. A host can `die`, `vanish`, `freeze` and `thaw`.
"""
