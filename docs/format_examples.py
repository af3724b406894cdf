#!/usr/bin/env python3
"""Prints the hex examples of FORMAT.md, from the page's words alone: it shares no code with the Swift sources."""
import struct

MASK = 2**64 - 1
HISTORY = 0x0123456789ABCDEF
FINGERPRINT = 0xFEDCBA9876543210
WATERMARK = 1_700_000_000_000
SPEC = "name: clicks\nbits: 12\n"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def xxh64(data):
    one, two, three, four, five = (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )

    def rotated(word, count):
        return (word << count | word >> 64 - count) & MASK

    def mixed(lane, word):
        return rotated(lane + word * two & MASK, 31) * one & MASK

    at, value = 0, five
    if len(data) >= 32:
        lanes = [one + two & MASK, two, 0, -one & MASK]
        while at + 32 <= len(data):
            lanes = [mixed(lane, word) for lane, word in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        value = sum(rotated(lane, count) for lane, count in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = (value ^ mixed(0, lane)) * one + four & MASK
    value = value + len(data) & MASK
    while at + 8 <= len(data):
        value = rotated(value ^ mixed(0, struct.unpack_from("<Q", data, at)[0]), 27) * one + four & MASK
        at += 8
    if at + 4 <= len(data):
        value = rotated(value ^ struct.unpack_from("<I", data, at)[0] * one & MASK, 23) * two + three & MASK
        at += 4
    for byte in data[at:]:
        value = rotated(value ^ byte * five & MASK, 11) * one & MASK
    value = (value ^ value >> 33) * two & MASK
    value = (value ^ value >> 29) * three & MASK
    return value ^ value >> 32


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
    head += struct.pack("<QQQQQ", HISTORY, base, version, WATERMARK, FINGERPRINT)
    head += struct.pack("<HHB3x", 1, 2, k)
    head += total.to_bytes(16, "little") + struct.pack("<QQI4x", start, end, first)
    assert len(head) == 104
    checksum = struct.pack("<I", crc32c(head + payload))
    return head + checksum + struct.pack("<I", crc32c(head + checksum)) + payload


def rows_record(kind, base, version, rows, k, range_digest=(0, 0, 0)):
    indices = [index for index, _ in rows]
    payload = rice(indices, k) + b"".join(struct.pack("<f", value) for _, value in rows)
    return record(kind, base, version, payload, 1, len(rows), k, indices[0], range_digest)


def text(string):
    return struct.pack("<I", len(string.encode())) + string.encode()


def floats(numbers):
    return b"".join(struct.pack("<f", number) for number in numbers)


def message(kind, payload, history=HISTORY):
    head = struct.pack("<IBBHQI", 24 + len(payload), kind, 1, 0, history, 1)
    assert len(head) == 20
    return head + struct.pack("<I", crc32c(head + payload)) + payload


def model(name, spec, owners):
    return text(name) + text(spec) + struct.pack(f"<QI{len(owners)}I", FINGERPRINT, len(owners), *owners)


DELTA = [(3, 0.5), (4, -0.25), (9, 1.0), (100, 0.0), (1000, 3.0)]
CHUNK = [(i, i / 4) for i in range(8, 16)]
EXAMPLES = {
    "spec": record(1, 1000, 1000, SPEC.encode()),
    "heartbeat": record(6, 1000, 1000),
    "delta": rows_record(2, 1000, 1512, DELTA, 7, (0, 4096, digest(DELTA))),
    "copyBegin": record(3, 1000, 1000),
    "chunk": rows_record(4, 1000, 1000, CHUNK, 0),
    "copyEnd": record(5, 1000, 1000),
}
# Messages between server nodes.
BATCH = struct.pack("<IQ", 2, 7)
NAME = struct.pack("<QQ", 5, 0x0011223344556677) + text("robot")
COMMIT = struct.pack("<QIIQQQQQQQ", HISTORY, 1, 28, 9, 0x8877665544332211, 8, 1003, 1003, 3 << 16, FINGERPRINT)
COMMIT += struct.pack("<II", 1, 3) + NAME
OFFER = BATCH + struct.pack("<Q", 4) + NAME + struct.pack("<III", 40, 6, 3) + floats([1, 0, 1]) + floats([1, 2.5, 1])
SLICE = struct.pack("<IIB3I4I", 3, 4, 1, 2, 2, 4, 5, 9, 5, 1023) + floats([1, 0.5, 1, -2])
MODEL = model("clicks", SPEC, [1, 0])
PAYLOADS = {
    "offer": OFFER,
    "grant": BATCH,
    "outcome": BATCH + struct.pack("<BQQ", 0, 1003, HISTORY) + text(""),
    "slice": BATCH + SLICE,
    "arrived": BATCH,
    "order": BATCH + struct.pack("<QI", 1000, 3),
    "partials": struct.pack("<QI3d", 40, 3, 0.25, -1.5, 0),
    "residuals": struct.pack("<QIII", 40, 1, 2, 1) + floats([0.5]),
    "commit": COMMIT,
    "durable": struct.pack("<QQI", 9, xxh64(COMMIT), 2),
    "stable": struct.pack("<Q", 9),
    "drop": BATCH,
    "prepare": MODEL,
    "joined": struct.pack("<Q", FINGERPRINT),
    "opened": MODEL,
    "closed": text("its node stops"),
    "publish": struct.pack("<QQB", 9, WATERMARK, 1),
    "digest": struct.pack("<Q", 9) + digest(DELTA).to_bytes(16, "little"),
    "withdraw": BATCH,
    "heard": b"",
    "deleted": b"",
    "told": b"",
    "wantsPublish": b"",
}
EXAMPLES |= {name: message(kind, payload) for kind, (name, payload) in enumerate(PAYLOADS.items(), 1)}
EXAMPLES["told"] = message(22, b"", history=0)

if __name__ == "__main__":
    assert crc32c(b"123456789") == 0xE3069283
    assert xxh64(b"123456789") == 0x8CB841DB40E6AE83
    assert xxh64(b"Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1
    for name, data in EXAMPLES.items():
        print(f"```hex {name}")
        for i in range(0, len(data), 16):
            print(data[i : i + 16].hex(" "))
        print("```\n")
    print(f"digest of the delta's rows: {digest(DELTA):032x}")
    print(f"hash of the commit's header: {xxh64(COMMIT):016x}")
