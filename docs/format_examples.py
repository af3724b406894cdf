#!/usr/bin/env python3
"""Prints the hex examples of FORMAT.md, from the page's words alone: it shares no code with the Swift sources."""
import struct

MASK = 2**64 - 1


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def row_hash(index, bits):
    number = index << 32 | bits
    low = number
    low = (low ^ low >> 33) * 0xFF51AFD7ED558CCD & MASK
    low = (low ^ low >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    low ^= low >> 33
    high = number + 0x9E3779B97F4A7C15 & MASK
    high = (high ^ high >> 30) * 0xBF58476D1CE4E5B9 & MASK
    high = (high ^ high >> 27) * 0x94D049BB133111EB & MASK
    high ^= high >> 31
    return high << 64 | low


def digest(rows):
    bits = {index: struct.unpack("<I", struct.pack("<f", value))[0] for index, value in rows}
    return sum(row_hash(i, b) for i, b in bits.items() if b & 0x7FFFFFFF) % 2**128


def rice(indices, k):
    bits = ""  # first bit of the stream first
    for before, index in zip(indices, indices[1:]):
        gap = index - before - 1
        bits += "0" * (gap >> k) + "1" + "".join(str(gap >> i & 1) for i in range(k))
    bits += "0" * (-len(bits) % 64)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


def record(kind, base, version, payload=b"", columns=0, rows=0, k=0, first=0, range_digest=(0, 0, 0)):
    start, end, total = range_digest
    head = struct.pack("<4sHBBII", b"SLUI", 1, kind, columns, len(payload), rows)
    head += struct.pack("<QQQQQ", 0x0123456789ABCDEF, base, version, 1_700_000_000_000, 0xFEDCBA9876543210)
    head += struct.pack("<HHB3x", 1, 2, k)
    head += total.to_bytes(16, "little") + struct.pack("<QQI4x", start, end, first)
    assert len(head) == 104
    checksum = struct.pack("<I", crc32c(head + payload))
    return head + checksum + struct.pack("<I", crc32c(head + checksum)) + payload


def rows_record(kind, base, version, rows, k, range_digest=(0, 0, 0)):
    indices = [index for index, _ in rows]
    payload = rice(indices, k) + b"".join(struct.pack("<f", value) for _, value in rows)
    return record(kind, base, version, payload, 1, len(rows), k, indices[0], range_digest)


DELTA = [(3, 0.5), (4, -0.25), (9, 1.0), (100, 0.0), (1000, 3.0)]
CHUNK = [(i, i / 4) for i in range(8, 16)]
EXAMPLES = {
    "spec": record(1, 1000, 1000, "name: clicks\nbits: 12\n".encode()),
    "heartbeat": record(6, 1000, 1000),
    "delta": rows_record(2, 1000, 1512, DELTA, 7, (0, 4096, digest(DELTA))),
    "copyBegin": record(3, 1000, 1000),
    "chunk": rows_record(4, 1000, 1000, CHUNK, 0),
    "copyEnd": record(5, 1000, 1000),
}
if __name__ == "__main__":
    assert crc32c(b"123456789") == 0xE3069283
    for name, data in EXAMPLES.items():
        print(f"```hex {name}")
        for i in range(0, len(data), 16):
            print(data[i : i + 16].hex(" "))
        print("```\n")
    print(f"digest of the delta's rows: {digest(DELTA):032x}")
