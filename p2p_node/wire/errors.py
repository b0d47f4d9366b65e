"""What is wrong with bytes: somebody else's, or a file's."""


class ProtocolError(Exception):
    """A remote peer broke the protocol; the connection it came from is closed."""


class BencodeError(ProtocolError):
    """The bytes are not valid bencoding."""


class MetainfoError(Exception):
    """A torrent file is not one that can be used; the message says what and where."""


class MagnetError(Exception):
    """A magnet link cannot be used; the message says why."""
