"""Every content type and encoding teaches a model what the Vowpal Wabbit text it equals teaches another one."""

import gzip
import itertools
import json
import random
import shutil
import struct
import subprocess

from subject import train
from support import examples, vw_features
from support.http import ask
from support.report import Skip, expect, expect_that

BITS = 18
SPEC = (f"bits: {BITS}\nhash: all\ncrosses: ['ta']\n"
        "columns: {label: click, importance: w, numbers: [age, temp], categories: [tag, 'a b']}\n")
LINES = 300
numbers = itertools.count()


def checks(subject):
    for name, kind, make in KINDS:
        yield f"formats: {name} is the text it equals", same(subject, kind, make)
    for coding, pack in (("gzip", gzip.compress), ("zstd", zstd)):
        yield f"formats: {coding} is the text it holds", packed(subject, coding, pack)
        yield f"formats: {coding} that unpacks to more than a batch may have is 413", bomb(subject, coding, pack)
    yield "formats: tensors are the text they were made of", tensors(subject)


def same(subject, kind, make):
    def check():
        body, text = make(random.Random(7))
        one, other = model(subject), model(subject)
        answer = train(subject.server, one, body.encode(), content_type=kind, sluice_batch_lines=50)
        expect(answer.status, 200, f"status ({answer})")
        expect_that(all(told["outcome"] == "learned" and told["refused"] == 0 for told in answer.lines()), f"{answer}")
        learns(subject, other, text.encode())
        expect(digest(subject, one), digest(subject, other), "the digest")
    return check


def packed(subject, coding, pack):
    def check():
        text = examples.text(examples.lines(LINES))
        one, other = model(subject), model(subject)
        named = {"sluice_trainer": "t", "sluice_sequence": 1, "sluice_batch_lines": 100}
        answer = train(subject.server, one, pack(text), content_encoding=coding, **named)
        expect([told["outcome"] for told in answer.lines()], ["learned"] * 3, f"outcomes ({answer})")
        learns(subject, other, text)
        expect(digest(subject, one), digest(subject, other), "the digest")
        again = train(subject.server, one, text, **named)
        expect([told["outcome"] for told in again.lines()], ["duplicate"] * 3, "the same text as it is")
        cut = train(subject.server, one, pack(text)[:-9], content_encoding=coding)
        expect(cut.status, 400, f"cut off ({cut})")
    return check


def bomb(subject, coding, pack):
    def check():
        much = pack(b"1 |a x\n" * (1 << 21))
        expect(train(subject.server, model(subject), much, content_encoding=coding).status, 413, "status")
        subject.stands()
    return check


def tensors(subject):
    def check():
        lines = examples.lines(LINES)
        one, other = model(subject), model(subject)
        made = ask(subject.server.http, "GET", f"/v1/models/{one}").json()
        # Crosses come with the indices, as a worker's CSR request has them.
        indices, values, offsets = vw_features.csr(lines, BITS, mode="all", crosses=["ta"])
        labels = [1.0 if line.startswith("1") else 0.0 for line in lines]
        body = struct.pack("<4sHHIIQQ", b"SLCS", 1, 2, len(lines), len(indices), int(made["fingerprint"], 16), 0)
        body += struct.pack(f"<{len(lines)}f", *labels) + struct.pack(f"<{len(offsets)}i", *offsets)
        body += struct.pack(f"<{len(indices)}I", *indices) + struct.pack(f"<{len(values)}f", *values)
        answer = train(subject.server, one, body, content_type="application/vnd.sluice.csr")
        expect([told["outcome"] for told in answer.lines()], ["learned"], f"outcome ({answer})")
        learns(subject, other, examples.text(lines))
        expect(digest(subject, one), digest(subject, other), "the digest")
    return check


def model(subject):
    name = f"format-{next(numbers)}"
    made = ask(subject.server.http, "PUT", f"/v1/models/{name}", SPEC)
    expect(made.status, 201, f"PUT {name}")
    return name


def learns(subject, name, text):
    answer = train(subject.server, name, text)
    expect((answer.status, answer.lines()[0]["refused"]), (200, 0), f"the text ({answer})")


def digest(subject, name):
    return ask(subject.server.http, "POST", f"/v1/models/{name}/digest").json()["digest"]


def zstd(content):
    if not shutil.which("zstd"):
        raise Skip("no zstd here")
    return subprocess.run(["zstd", "-qc"], input=content, capture_output=True, check=True).stdout


# MARK: bodies, and the text they equal


def number(chance):
    return chance.choice(["0", "1", "7", "-2.5", "0.125", "1e2", "31"])


def libsvm(chance):
    rows = [(chance.choice([1, -1]), [(chance.randrange(1, 500), number(chance)) for _ in range(8)]) for _ in range(LINES)]
    body = "".join(f"{label} {' '.join(f'{i}:{v}' for i, v in row)} # comment\n" for label, row in rows)
    return body, "".join(f"{label} | {' '.join(f'{i}:{v}' for i, v in row)}\n" for label, row in rows)


def libffm(chance):
    body, text = "", ""
    for _ in range(LINES):
        label = chance.choice([0, 1])
        fields = [(f, [(chance.randrange(1, 500), number(chance)) for _ in range(3)]) for f in range(1, 5)]
        body += f"{label} " + " ".join(f"{f}:{i}:{v}" for f, row in fields for i, v in row) + "\n"
        text += f"{label} " + " ".join(f"|{f} " + " ".join(f"{i}:{v}" for i, v in row) for f, row in fields) + "\n"
    return body, text


def criteo(chance):
    body, text = "", ""
    for _ in range(LINES):
        label = chance.choice([0, 1])
        counts = [chance.choice(["", str(chance.randrange(100))]) for _ in range(13)]
        names = [chance.choice(["", f"{chance.randrange(1 << 32):08x}"]) for _ in range(26)]
        body += "\t".join([str(label), *counts, *names]) + "\n"
        text += (f"{label} |" + "".join(f" |{chr(65 + k)} I{k + 1}:{v}" for k, v in enumerate(counts) if v)
                 + "".join(f" |{chr(97 + k)} {v}" for k, v in enumerate(names) if v) + "\n")
    return body, text


def csv(chance):
    body, text = "a b,temp,click,unused,tag,age,w\r\n", ""
    for _ in range(LINES):
        label, weight = chance.choice([0, 1]), chance.choice(["", "2"])
        age, temp, tag = number(chance), chance.choice(["", number(chance)]), chance.choice(["", "red", '"a,""b"""', "17"])
        body += f",{temp},{label},?,{tag},{age},{weight}\r\n"
        name = 'a,"b"' if tag.startswith('"') else tag
        text += (f"{label} {weight} |" + (f" |temp temp:{temp}" if temp else "") + (f" |tag {name}" if name else "")
                 + f" |age age:{age}\n")
    return body, text


def ndjson(chance):
    body, text = "", ""
    for _ in range(LINES):
        label = chance.choice([0, 1])
        value, color, flag = number(chance), chance.choice(["red", "blau", "café"]), chance.choice([True, False])
        tags = chance.sample(["a", "b", "c"], 2)
        body += json.dumps({"features": {"t": {"v": json.loads(value), "color": color, "flag": flag}, "ads": tags},
                            "label": label, "importance": 2, "id": 7}) + "\n"
        text += f"{label} 2 |t v:{value} color:{color}{' flag' if flag else ''} |ads {' '.join(tags)}\n"
    return body, text


KINDS = [
    ("libsvm", "application/x-libsvm", libsvm), ("libffm", "application/x-libffm", libffm),
    ("Criteo's TSV", "text/tab-separated-values", criteo), ("CSV", "text/csv", csv),
    ("NDJSON", "application/x-ndjson", ndjson),
]
