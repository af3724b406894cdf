internal import Domain
internal import Foundation
internal import Testing
internal import Transport

@Suite("/v1/score answers many examples, a context's candidates, and several models, as infer would one by one")
struct ScoreRouteTests {
    private struct Answer: Decodable {
        struct Model: Decodable {
            var model: String
            var version: UInt64
            var probability: [Float]?
            var margin: [Double]?
            var explain: [[Explained]]?
        }
        struct Explained: Decodable {
            var feature: String?
            var index: UInt32
            var value: Float
            var weight: Float
            var adds: Float
        }
        var models: [Model]
    }

    private func score(_ client: HTTPClient, _ body: String) async throws -> (status: Int, text: String) {
        let answer = try await client.request(.post, "/v1/score", body: Bytes(string: body), timeout: .seconds(10))
        return (answer.status, String(buffer: answer.body))
    }

    private func models(_ client: HTTPClient, _ body: String) async throws -> [Answer.Model] {
        let answer = try await score(client, body)
        #expect(answer.status == 200, "\(answer.text)")
        return try JSONDecoder().decode(Answer.self, from: Data(answer.text.utf8)).models
    }

    private let contexts = ["|u a b:2", "1 |u q |c x y z"]
    private let candidates = ["|i one two", "|i three |c w:0.5", "0 2 tag|i 7"]

    @Test("examples have the margins that infer gives each")
    func examples() async throws {
        try await withWorker { (client, _) async throws in
            let lines = contexts + candidates
            let list = lines.map { "\"\($0)\"" }.joined(separator: ",")
            let found = try await models(
                client, #"{"models":["m"],"examples":[\#(list)],"outputs":["margin","probability"]}"#)
            #expect(found.count == 1 && found[0].margin?.count == 5 && found[0].probability?.count == 5)
            for (e, line) in lines.enumerated() {
                let alone = try await client.margin(jsonLine: "\"\(line)\"")
                #expect(alone?.hasPrefix("[\(found[0].margin![e])]") == true)
            }
            #expect(found[0].margin!.contains { $0 != 0 })
        }
    }

    @Test("a candidate is the line of its context and itself")
    func candidatesOfContexts() async throws {
        try await withWorker { (client, _) async throws in
            for context in contexts {
                let list = candidates.map { "\"\($0)\"" }.joined(separator: ",")
                let shared = try await models(
                    client,
                    #"{"models":["m"],"context":"\#(context)","candidates":[\#(list)],"outputs":["margin"]}"#)
                let joined = candidates.map { "\"\(context) \($0.drop { $0 != "|" })\"" }.joined(separator: ",")
                let flat = try await models(client, #"{"models":["m"],"examples":[\#(joined)],"outputs":["margin"]}"#)
                #expect(shared[0].margin == flat[0].margin)
            }
        }
    }

    @Test("several models answer in the order they are named, each from its version")
    func severalModels() async throws {
        try await withWorker(["m", "n", "o"]) { (client, _) async throws in
            let found = try await models(client, #"{"models":["o","m","n","m"],"examples":["|u a"]}"#)
            #expect(found.map(\.model) == ["o", "m", "n", "m"])
            #expect(Set(found.map { $0.probability }).count == 1)
        }
    }

    @Test("indices need the plan's fingerprint, and are what lines come to")
    func indices() async throws {
        try await withWorker { (client, spec) async throws in
            let print = spec.fingerprint
            let body = { (print: String) in
                #"{"models":["m"],"fingerprint":"\#(print)","outputs":["margin"],"context":{"indices":[6,9],"#
                    + #""values":[1,0.5]},"candidates":{"indices":[3,12,15],"offsets":[0,1,1,3]}}"#
            }
            let shared = try await models(client, body("\(print)"))
            let flat = try await models(
                client,
                #"{"models":["m"],"fingerprint":"\#(print)","outputs":["margin"],"examples":{"indices":"#
                    + #"[6,9,3,6,9,6,9,12,15],"values":[1,0.5,1,1,0.5,1,0.5,1,1],"offsets":[0,3,5,9]}}"#)
            // The script's weight of an index that 3 divides is half the index.
            #expect(shared[0].margin == [6.75, 5.25, 18.75] && flat[0].margin == shared[0].margin)
            let other = try await score(client, body("00000000000000ff"))
            #expect(other.status == 400 && other.text.contains("00000000000000ff") && other.text.contains("\(print)"))
        }
    }

    @Test("what is explained adds up to the margin, the largest first")
    func explained() async throws {
        try await withWorker { (client, _) async throws in
            let found = try await models(
                client,
                #"{"models":["m"],"context":"|u a b:2","candidates":["|i one","|i two three"],"explain":50,"outputs":["margin"]}"#
            )
            let examples = try #require(found[0].explain)
            #expect(examples.count == 2)
            #expect(Set(examples[1].compactMap(\.feature)) == ["u^a", "u^b", "i^two", "i^three", "Constant"])
            for (features, margin) in zip(examples, found[0].margin!) {
                #expect(abs(features.reduce(0) { $0 + Double($1.adds) } - margin) < 1e-5)
                #expect(features.map { abs($0.adds) } == features.map { abs($0.adds) }.sorted(by: >))
            }
            let some = try await models(client, #"{"models":["m"],"examples":["|u a b c"],"explain":2}"#)
            #expect(some[0].explain?[0].count == 2)
        }
    }

    @Test(
        "what is wrong is told in a sentence",
        arguments: [
            (#"{"models":["m"]}"#, 400, "give either 'examples', or 'candidates' with a 'context'"),
            (#"{"models":["m"],"candidates":["|i a"]}"#, 400, "'candidates' and 'context' want each other"),
            (#"{"models":["m"],"examples":["|i a"],"context":"|u b"}"#, 400, "want each other"),
            (#"{"models":[],"examples":["|i a"]}"#, 400, "'models' has 0 names"),
            (#"{"examples":["|i a"]}"#, 400, "'models' has 0 names"),
            (#"{"models":["m","x"],"examples":["|i a"]}"#, 404, "no model 'x' here"),
            (#"{"models":["m"],"examples":["|i a","|i b:c:d"]}"#, 400, "'examples', element 1, column 7"),
            (#"{"models":["m"],"examples":["|i a",""]}"#, 400, "'examples', element 1 is empty"),
            (#"{"models":["m"],"examples":["|i a\n|i b"]}"#, 400, "element 0: a line feed inside an example"),
            (#"{"models":["m"],"context":"|u b:c:d","candidates":["|i a"]}"#, 400, "'context', column 7"),
            (
                #"{"models":["m"],"context":"|u a","candidates":{"indices":[],"offsets":[0]}}"#, 400,
                "both lines or both"
            ),
            (#"{"models":["m"],"examples":{"indices":[1],"offsets":[0,1]}}"#, 400, "indices want 'fingerprint'"),
            (#"{"models":["m"],"examples":{"indices":[1]}}"#, 400, "'examples' wants 'offsets'"),
            (#"{"models":["m"],"examples":{"indices":[-1],"offsets":[0,1]}}"#, 400, "index 0: -1 is out of range"),
            (
                #"{"models":["m"],"examples":{"indices":[1],"values":[],"offsets":[0,1]},"fingerprint":"0"}"#, 400,
                "not 16"
            ),
            (#"{"models":["m"],"examples":["|i a"],"output":[]}"#, 400, "'output' is unknown; there are models"),
            (#"{"models":["m"],"examples":["|i a"],"outputs":["odds"]}"#, 400, "output 'odds' is unknown"),
            (
                #"{"models":["m"],"examples":["|i a"],"explain":1000}"#, 400,
                "'explain' is 1000, but must be from 0 to 100"
            ),
            (#"{"models":["m"],"examples":["|i a"]"#, 400, "the JSON is wrong at byte"),
            ("", 400, "the JSON is wrong at byte 0"),
        ])
    func refused(_ body: String, _ status: Int, _ sentence: String) async throws {
        try await withWorker { (client, _) async throws in
            let answer = try await score(client, body)
            #expect(answer.status == status && answer.text.contains(sentence), "\(answer.text)")
            #expect(try await score(client, #"{"models":["m"],"examples":["|i a"]}"#).status == 200)
        }
    }
}
