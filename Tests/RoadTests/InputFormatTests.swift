internal import Configuration
internal import Domain
internal import Features
internal import Format
internal import Learning
internal import TestSupport
internal import Testing
internal import Transport

private let yaml = "bits: 12\ncolumns: {label: l, importance: w, numbers: [n], categories: [c]}\n"

/// The same examples, as every content type has them and as Vowpal Wabbit text.
private let bodies: [(type: String, body: String, vw: String)] = [
    ("text/plain", "1 |a x y\n0 2 |b z:0.5\n", "1 |a x y\n0 2 |b z:0.5\n"),
    ("application/x-vw-text", "1 |a x\n", "1 |a x\n"),
    ("application/x-libsvm", "1 3:1 7:0.5 # a comment\n-1 3:2\n", "1 | 3:1 7:0.5\n-1 | 3:2\n"),
    ("application/x-libffm", "1 1:3:1 1:4:1 2:7:0.5\n", "1 |1 3:1 4:1 |2 7:0.5\n"),
    (
        "text/csv; charset=utf-8", "c,l,n,w\nx,1,5,\n\"y,z\",0,,3\nz,1,0.5,2\n",
        "1 |c x |n n:5\n0 3 |c y,z\n1 2 |c z |n n:0.5\n"
    ),
    (
        "text/tab-separated-values",
        "1\t5\t\t3\(String(repeating: "\t", count: 11))68fd1e64\(String(repeating: "\t", count: 25))\n",
        "1 |A I1:5 |C I3:3 |a 68fd1e64\n"
    ),
    (
        "application/x-ndjson",
        #"{"label":1,"importance":2,"features":{"n":{"x":1.5,"f":true,"c":"red"},"t":["a","b"]}}"#,
        "1 2 |n x:1.5 f c:red |t a b\n"
    ),
]

private let packedText = "1 |a x y\n-1 |a z |b q:2.5\n1 |a y\n"
private let packed: [(coding: String, hex: String)] = [
    ("gzip", "1f8b08000000000000033354a84954a850a8e4d23504b1aa146a92140aad8cf44cb9c0fc4a2e00db8787b021000000"),
    ("zstd", "28b52ffd242109010031207c61207820790a2d31207c61207a207c6220713a322e350a31207c6120790afc7cfdfd"),
]

private func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
}

/// zstd of lines that end in many blanks (RFC 8878, 3.1.1): a raw block for a line, one of a repeated byte for its blanks.
private func zstdBlanks(_ lines: [Substring], blankCount: Int) -> [UInt8] {
    // Neither size nor checksum; a window of 128 KiB.
    var packed: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0, 7 << 3]
    func block(type: Int, count: Int, _ bytes: [UInt8], isLast: Bool = false) {
        let header = (isLast ? 1 : 0) | type << 1 | count << 3
        packed += (0..<3).map { UInt8(header >> (8 * $0) & 255) } + bytes
    }
    for (k, line) in lines.enumerated() {
        let text = Array((k == 0 ? "\(line)" : "\n\(line)").utf8)
        block(type: 0, count: text.count, text)
        block(type: 1, count: blankCount, [0x20])
    }
    block(type: 0, count: 0, [], isLast: true)
    return packed
}

@Suite("A server node learns the same from every content type and encoding")
struct InputFormatTests {
    private func withModel(_ body: (HTTPClient, inout Learner) async throws -> Void) async throws {
        try await withServer { (ports) async throws in
            try await withClient(ports.http) { (client) async throws in
                #expect(try await client.send(.put, "/v1/models/m", yaml).status == 201)
                var reference = Learner(try ModelSpec(yaml: yaml))
                try await body(client, &reference)
                #expect(try await client.serverDigest().digest == reference.digest.description)
            }
        }
    }

    private func post(
        _ client: HTTPClient, _ headers: [(String, String)], _ body: [UInt8]
    ) async throws -> (status: Int, text: String) {
        let answer = try await client.request(
            .post, "/v1/models/m/examples", headers: headers, body: Bytes(bytes: body), timeout: .seconds(15))
        return (answer.status, String(buffer: answer.body))
    }

    @Test("each content type, whole and cut into batches of a line")
    func types() async throws {
        try await withModel { (client, reference) async throws in
            for (type, body, vw) in bodies {
                for more in [[], [("sluice-batch-lines", "1")]] {
                    let answer = try await post(client, [("content-type", type)] + more, Array(body.utf8))
                    #expect(answer.status == 200, "\(type): \(answer.text)")
                    #expect(!answer.text.contains("errors"), "\(type): \(answer.text)")
                    reference.learn(examples(vw, reference.spec))
                }
            }
        }
    }

    @Test("gzip and zstd, also of batches that a trainer has sent before as they are")
    func codings() async throws {
        try await withModel { (client, reference) async throws in
            for (coding, hex) in packed {
                let named = [("sluice-trainer", coding), ("sluice-sequence", "1"), ("sluice-batch-lines", "2")]
                let answer = try await post(client, named + [("content-encoding", coding)], bytes(hex))
                #expect(answer.text.split(separator: "\n").count == 2, "\(answer)")
                reference.learn(examples(packedText, reference.spec))
                let again = try await post(client, named, Array(packedText.utf8))
                #expect(again.text.contains("duplicate") && !again.text.contains("learned"), "\(again)")
            }
        }
    }

    @Test("a packed body that takes many turns, as one batch and cut into many", arguments: [nil, 5] as [Int?])
    func long(lineCount: Int?) async throws {
        try await withModel { (client, reference) async throws in
            var random = SeededGenerator(seed: 3)
            let text = goodLines(25, &random)
            let body = zstdBlanks(text.split(separator: "\n"), blankCount: 100_000)
            #expect(25 * 100_000 > 2 * Limits.Training.unpackedBytesPerTurn)
            let headers = lineCount.map { [("sluice-batch-lines", "\($0)")] } ?? []
            let answer = try await post(client, headers + [("content-encoding", "zstd")], body)
            #expect(answer.status == 200, "\(answer)")
            #expect(answer.text.split(separator: "\n").count == lineCount.map { 25 / $0 } ?? 1)
            reference.learn(examples(text, reference.spec))
        }
    }

    @Test("packed bytes that are cut off, damaged or followed by others are 400, and learn nothing")
    func unreadable() async throws {
        try await withModel { (client, _) async throws in
            for (coding, hex) in packed {
                let whole = bytes(hex)
                var damaged = whole
                damaged[1] ^= 0xFF
                for (body, says) in [
                    (Array(whole.dropLast()), "end in the middle"), (whole + Array("1 |a x\n".utf8), "stands behind"),
                    (damaged, "damaged"), (Array("1 |a x\n".utf8), "damaged"), ([], "end in the middle"),
                ] {
                    let answer = try await post(client, [("content-encoding", coding)], body)
                    #expect(answer.status == 400 && answer.text.contains(says), "\(coding), \(says): \(answer)")
                }
            }
        }
    }

    @Test("what is not read is 415 and named; a header that does not fit is 400")
    func refusals() async throws {
        try await withModel { (client, _) async throws in
            let line = Array("1 |a x\n".utf8)
            let type = try await post(client, [("content-type", "application/json")], line)
            #expect(type.status == 415 && type.text.contains("application/x-ndjson"), "\(type)")
            let coding = try await post(client, [("content-encoding", "br")], line)
            #expect(coding.status == 415 && coding.text.contains("gzip, zstd"), "\(coding)")
            let header = try await post(client, [("content-type", "text/csv")], Array("l,n\n1,2\n".utf8))
            #expect(header.status == 400 && header.text.contains("'c', 'w'"), "\(header)")
            let streamed = try await post(
                client, [("content-type", "text/csv"), ("sluice-batch-lines", "5")], Array("l,n\n1,2\n".utf8))
            #expect(streamed.text.contains("\"status\":400"), "\(streamed)")
            let lines = try await post(
                client, [("content-type", "application/vnd.sluice.csr"), ("sluice-batch-lines", "5")], line)
            #expect(lines.status == 400, "\(lines)")
        }
    }

    @Test("errors of a line are told by line and column of the body")
    func errors() async throws {
        try await withModel { (client, reference) async throws in
            let body = "c,l,n,w\nx,1,5,\nx,1,five,\n"
            let answer = try await post(client, [("content-type", "text/csv")], Array(body.utf8))
            #expect(answer.text.contains(#"{"line":3,"column":5,"reason":"the value is not a number"}"#), "\(answer)")
            reference.learn(examples("1 |c x |n n:5\n", reference.spec))
        }
    }

    @Test("tensors: each batch is answered, known again by its bytes, and refused under another fingerprint")
    func tensors() async throws {
        try await withModel { (client, reference) async throws in
            let batch = examples("1 |a x y:2\n0 3 |b z\n", reference.spec)
            func body(_ fingerprint: Fingerprint) -> [UInt8] {
                var out = FieldWriter()
                out.put(UInt32(0x5343_4C53))
                out.put(UInt16(1))
                out.put(UInt16(3))
                out.put(UInt32(batch.exampleCount))
                out.put(UInt32(batch.featureCount))
                out.put(fingerprint.rawValue)
                out.put(UInt64(0))
                for label in batch.labels[..<batch.exampleCount] { out.put(label.bitPattern) }
                for importance in batch.importances[..<batch.exampleCount] { out.put(importance.bitPattern) }
                for offset in batch.offsets[...batch.exampleCount] { out.put(offset) }
                for index in batch.indices[..<batch.featureCount] { out.put(index) }
                for value in batch.values[..<batch.featureCount] { out.put(value.bitPattern) }
                return out.bytes
            }
            let headers = [
                ("content-type", "application/vnd.sluice.csr"), ("sluice-trainer", "t"), ("sluice-sequence", "1"),
            ]
            let whole = body(reference.spec.fingerprint)
            let answer = try await post(client, headers, whole + whole)
            #expect(answer.text.split(separator: "\n").count == 2, "\(answer)")
            reference.learn(batch)
            reference.learn(batch)
            let again = try await post(client, headers, whole)
            #expect(again.text.contains("duplicate"), "\(again)")
            let other = try await post(client, [headers[0]], body(Fingerprint(1)))
            #expect(
                other.text.contains("0000000000000001") && other.text.contains("\(reference.spec.fingerprint)"),
                "\(other)")
        }
    }
}
