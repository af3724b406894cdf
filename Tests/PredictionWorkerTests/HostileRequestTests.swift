internal import Configuration
internal import Domain
internal import Features
internal import Files
internal import Foundation
internal import PredictionWorker
internal import Scoring
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transport

/// Where the tests' own connections run.
let testLoops = makeEventLoops(1)

/// A worker over a saved model of 8 bits, by these names, for the length of a test, and a connection to it.
func withWorker(_ names: [String] = ["m"], _ body: (HTTPClient, ModelSpec) async throws -> Void) async throws {
    let script = FeedScript()
    let folder = FilePath("/tmp/sluice-test-\(UInt64.random(in: 0...UInt64.max))")
    let writer = try ModelFileWriter(folder: folder)
    try writer.append(script.copy())
    try writer.finish()
    defer { try? FileManager.default.removeItem(atPath: folder.string) }  // a folder left over in /tmp harms nobody
    var options = WorkerOptions()
    options.listen.port = 0
    options.loopCount = 1
    for name in names { options.modelFolders[name] = folder.string }
    try await withWorker(options) { client async throws in try await body(client, script.spec) }
}

/// A worker, for the length of a test, and a connection to it.
func withWorker(_ options: WorkerOptions, _ body: (HTTPClient) async throws -> Void) async throws {
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { [options] in
            defer { port.finish() }
            try await WorkerNode(options).run {
                port.yield($0)
            } stop: {
                for await _ in stops {}
            }
        }
        defer { stop.finish() }
        for await port in ports {
            let client = try await HTTPClient.connect(host: "127.0.0.1", port: port, on: testLoops)
            try await body(client)
            await client.close()
            break
        }
    }
}

extension HTTPClient {
    func infer(_ body: String, jsonByteCount: Int? = nil) async throws -> (status: Int, text: String) {
        let headers = jsonByteCount.map { [("inference-header-content-length", String($0))] } ?? []
        let answer = try await request(
            .post, "/v2/models/m/infer", headers: headers, body: Bytes(string: body), timeout: .seconds(10))
        return (answer.status, String(buffer: answer.body))
    }

    /// The margin of one line, as JSON has it.
    func margin(jsonLine: String) async throws -> String? {
        let answer = try await infer(
            """
            {"inputs":[{"name":"line","shape":[1],"datatype":"BYTES","data":[\(jsonLine)]}],\
            "outputs":[{"name":"margin"}]}
            """)
        guard answer.status == 200 else { return nil }
        return answer.text.split(separator: "\"data\":").last.map(String.init)
    }
}

@Suite("A worker answers any bytes: what is no request is refused with 400, and it serves on")
struct HostileRequestTests {
    private let valid = """
        {"id":"a\\"b","unknown":[1.5e3,{"x":null},true,"\\u00e4"],"parameters":{"binary_data_output":false},\
        "inputs":[{"name":"line","shape":[2,1],"datatype":"BYTES","data":[["1 |a x"],["|b y:2"]]}],\
        "outputs":[{"name":"margin"},{"name":"probability","parameters":{"binary_data":false}}]}
        """

    @Test("every prefix of a valid request is refused, the whole is answered")
    func prefixes() async throws {
        try await withWorker { (client, _) async throws in
            for count in 0..<valid.utf8.count {
                let answer = try await client.infer(String(decoding: valid.utf8.prefix(count), as: UTF8.self))
                #expect(answer.status == 400, "\(count) bytes")
            }
            let answer = try await client.infer(valid)
            #expect(answer.status == 200)
            #expect(answer.text.contains("\"id\":\"a\\\"b\""))
        }
    }

    @Test("any one byte changed gives an answer", arguments: 0..<3 as Range<UInt64>)
    func mutations(seed: UInt64) async throws {
        try await withWorker { (client, _) async throws in
            var random = SeededGenerator(seed: seed)
            for _ in 0..<400 {
                var bytes = Array(valid.utf8)
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let interesting = Array("{}[]\",:\\0-9eutfn ".utf8)
                    bytes[.random(in: 0..<bytes.count, using: &random)] =
                        interesting.randomElement(using: &random) ?? 0
                }
                let answer = try await client.infer(String(decoding: bytes, as: UTF8.self))
                #expect([200, 400].contains(answer.status), "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    @Test("nesting beyond 16 levels is refused, wherever it stands")
    func nesting() async throws {
        try await withWorker { (client, _) async throws in
            for depth in [17, 100, 10_000] {
                let open = String(repeating: "[", count: depth)
                let objects = String(repeating: "{\"a\":", count: depth)
                for body in [
                    open, "{\"x\":" + open, "{\"x\":" + objects, "{\"inputs\":" + open,
                    "{\"inputs\":[{\"name\":\"line\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":\(open)",
                ] {
                    let answer = try await client.infer(body)
                    #expect(answer.status == 400, "depth \(depth)")
                }
            }
        }
    }

    @Test("escapes mean what JSON says")
    func escapes() async throws {
        let cases = [
            ("|a x\\u0079z", "|a xyz"), ("|a\\tx", "|a\tx"), ("\\u007ca \\u00e4", "|a ä"),
            ("|a \\ud83d\\ude00", "|a 😀"),
            ("|a \\/", "|a /"), ("|a \\ud83d", "|a \u{fffd}"), ("|a \\ude00", "|a \u{fffd}"),
        ]
        try await withWorker { (client, _) async throws in
            for (escaped, plain) in cases {
                let expected = try await client.margin(jsonLine: "\"\(plain.replacing("\t", with: " "))\"")
                #expect(expected != nil)
                #expect(try await client.margin(jsonLine: "\"\(escaped)\"") == expected)
            }
        }
    }

    @Test("escapes that are none are refused or replaced, never fatal")
    func brokenEscapes() async throws {
        let cases = [
            "\\ud800\\u0041", "\\ud800\\ud800", "\\udbff\\uffff", "\\ud800\\u", "\\u12", "\\u+123", "\\u-123",
            "\\uzzzz",
            "\\ud800\\", "\\",
        ]
        try await withWorker { (client, _) async throws in
            for escape in cases {
                _ = try await client.margin(jsonLine: "\"|a \(escape)\"")
                _ = try await client.margin(jsonLine: "\"|a \(escape)")
                #expect(try await client.margin(jsonLine: "\"|a x\"") != nil)
            }
        }
    }

    @Test("a line feed inside an example is refused, also as an escape")
    func lineFeed() async throws {
        try await withWorker { (client, _) async throws in
            for line in ["|a x\\n|a y", "|a x\\u000a", ""] {
                let margin = try await client.margin(jsonLine: "\"\(line)\"")
                #expect(margin == nil, "\(line)")
            }
        }
    }

    @Test("numbers too large, below 0 or not whole are refused")
    func numbers() async throws {
        let cases = [
            "9223372036854775807", "9223372036854775808", "4611686018427387904", "2305843009213693952", "-1",
            "-9223372036854775808", "1e400", "1.5", "1e", "-", "+1", "0x10", "NaN", "\"1\"", "null", "[]", "5001",
        ]
        try await withWorker { (client, spec) async throws in
            for number in cases {
                func body(shape: String = "1", size: String = "4", timeout: String = "1") -> String {
                    """
                    {"parameters":{"fingerprint":"\(spec.fingerprint)","timeout":\(timeout)},"inputs":[\
                    {"name":"indices","shape":[\(shape)],"datatype":"UINT32","parameters":{"binary_data_size":\(size)}},\
                    {"name":"offsets","shape":[2],"datatype":"INT32","parameters":{"binary_data_size":8}}]}
                    """
                }
                let tensors = "\u{1}\0\0\0" + "\0\0\0\0\u{1}\0\0\0"
                let good = body()
                #expect(try await client.infer(good + tensors, jsonByteCount: good.utf8.count).status == 200)
                for json in [body(shape: number), body(shape: "\(number),\(number)"), body(size: number)] {
                    let answer = try await client.infer(json + tensors, jsonByteCount: json.utf8.count)
                    #expect(answer.status == 400, "\(json)")
                }
                let lines = """
                    {"inputs":[{"name":"line","shape":[\(number)],"datatype":"BYTES",\
                    "parameters":{"binary_data_size":\(number)}}]}
                    """
                #expect(try await client.infer(lines + tensors, jsonByteCount: lines.utf8.count).status == 400)
                let two = """
                    {"inputs":[{"name":"line","shape":[1],"datatype":"BYTES","data":["|a"]},{"name":"line","shape":[1],\
                    "datatype":"BYTES","parameters":{"binary_data_size":\(number)}}]}
                    """
                #expect(try await client.infer(two + tensors, jsonByteCount: two.utf8.count).status == 400)
                _ = try await client.infer(body(timeout: number) + tensors)
            }
        }
    }

    @Test("an inference header longer than the body, or none, is refused")
    func headerLength() async throws {
        try await withWorker { (client, _) async throws in
            for count in [0, valid.utf8.count + 1, 1_000_000_000] {
                let answer = try await client.infer(valid, jsonByteCount: count)
                #expect(answer.status == 400)
            }
        }
    }
}
