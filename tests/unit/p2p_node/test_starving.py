"""A crowd whose peers find one another before the seed."""

from random import Random

from p2p_node.core.swarm import SwarmSettings
from tests.network import Network

SETTINGS = SwarmSettings(enough_connections=4)


def test_a_crowd_that_filled_its_places_with_beginners_still_finds_the_seed() -> None:
    """Each has enough connections before it hears of the seed; those who have nothing for it are not enough then."""
    content = Random(1).randbytes(16 * 1024 * 20)
    network = Network(content, 16 * 1024, settings=SETTINGS, trackers=())
    crowd = [network.add() for _ in range(12)]
    seed = network.add(content)
    for peer in crowd:
        peer.start()
        peer.node.learn([other.address for other in crowd], network.now)
        peer.perform()
    network.run(2.0)
    assert all(len(peer.links) >= SETTINGS.enough_connections for peer in crowd)
    seed.start()
    for peer in crowd:
        peer.node.learn([seed.address], network.now)
        peer.perform()
    network.run(15.0, lambda: all(peer.completed_at for peer in crowd))
    assert all(peer.completed_at for peer in crowd)
