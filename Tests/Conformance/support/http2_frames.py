"""A few HTTP/2 frames by hand: enough to begin a POST and break it off, which no well-behaved client does."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4
CANCEL = 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header field neither indexed nor Huffman coded; both texts shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def begin_post(authority, path, *headers):
    """Preface, settings, and the headers of a POST on stream 1, its body still to come."""
    fields = [(":method", "POST"), (":scheme", "http"), (":authority", authority), (":path", path), *headers]
    block = b"".join(literal(name, value) for name, value in fields)
    return PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, block)


def data(content, ends=False):
    return frame(DATA, END_STREAM if ends else 0, 1, content)


def reset():
    return frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL))
