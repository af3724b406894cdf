import Configuration
import Domain
import Features
import Testing

@Suite("A context and a candidate are together what one line would be")
struct ContextTests {
    private func spec(_ crosses: [String], transforms: Bool, constant: Bool = true) throws -> ModelSpec {
        let trees = #"""
            {bins: {"n^x": [1, 2], "i^p": [0.5]}, trees: [{namespace: t, inputs: ["n^x", "i^p"], trees:
            ["0<0x1.8p+0,l =0 1<0x1p-1,r =1 =2"]}]}
            """#
        var spec = try ModelSpec(yaml: transforms ? "transforms: \(trees)" : "bits: 18")
        spec.bits = 18
        spec.hashing.constant = constant
        spec.crosses = crosses.map { Cross($0)! }
        return spec
    }

    private func features(_ batch: ExampleBatch, _ e: Int) -> [String] {
        batch.features(of: e).map { "\($0.index):\($0.value)" }
    }

    private let contexts = ["|u a b |n x:1.5 |w k:0.5", "|u q", "|n x:nan |i c |u r s t", "|z", "|u:2 a |i p:0.1"]
    private let candidates = [
        "|i one", "|i two p:0.7 |c k", "|i p:0.2 |u more |n x:0.5", "|d z:0.25 y", "|n x:7", "|i a |i b",
    ]

    @Test(
        "the same features, whatever is crossed",
        arguments: [
            [], ["ui"], ["iu", "uui", "ii"], ["::"], [":::"], ["ui", "uwi", "uit", "nt", "tt"], ["u:", ":i"],
        ], [false, true])
    func parts(_ crosses: [String], _ transforms: Bool) throws {
        for constant in [true, false] {
            let spec = try spec(crosses, transforms: transforms, constant: constant)
            let plan = Plan(spec)
            var flat = VWTextParser(plan, purpose: .scoring)
            var parser = VWTextParser(plan, purpose: .scoring)
            for context in contexts where transforms || !context.contains("nan") {
                var (window, front, errors) = (ByteWindow(context.utf8), ExampleBatch(), LineErrors())
                #expect(parser.beginContext(&window, into: &front, errors: &errors))
                var (lines, back) = (ByteWindow(candidates.joined(separator: "\n").utf8), ExampleBatch())
                _ = parser.parse(&lines, endsText: true, firstLine: 1, into: &back, errors: &errors)
                var whole = ExampleBatch()
                var joined = ByteWindow(candidates.map { "\(context) \($0)\n" }.joined().utf8)
                _ = flat.parse(&joined, endsText: true, firstLine: 1, into: &whole, errors: &errors)
                #expect(errors.count == 0)
                #expect(back.exampleCount == candidates.count && front.exampleCount == 1)
                for e in candidates.indices {
                    let parts = (features(front, 0) + features(back, e)).sorted()
                    #expect(parts == features(whole, e).sorted(), "\(context) + \(candidates[e]), crosses \(crosses)")
                }
                parser.endContext()
            }
            var (again, alone, errors) = (ByteWindow(contexts[0].utf8), ExampleBatch(), LineErrors())
            _ = parser.parse(&again, endsText: true, firstLine: 1, into: &alone, errors: &errors)
            var (same, other) = (ByteWindow(contexts[0].utf8), ExampleBatch())
            _ = flat.parse(&same, endsText: true, firstLine: 1, into: &other, errors: &errors)
            #expect(features(alone, 0) == features(other, 0))
        }
    }

    @Test("both together have no more features than an example may have")
    func limits() throws {
        func isRefused(_ crosses: [String], context: Int, candidate: Int) throws -> Bool {
            var parser = VWTextParser(Plan(try spec(crosses, transforms: false)), purpose: .scoring)
            func line(_ space: String, _ count: Int) -> ByteWindow {
                ByteWindow(("|\(space) " + (0..<count).map { "f\($0)" }.joined(separator: " ")).utf8)
            }
            var (front, back, errors) = (ExampleBatch(), ExampleBatch(), LineErrors())
            var window = line("u", context)
            #expect(parser.beginContext(&window, into: &front, errors: &errors))
            window = line("i", candidate)
            _ = parser.parse(&window, endsText: true, firstLine: 1, into: &back, errors: &errors)
            return errors.count > 0
        }
        #expect(try !isRefused([], context: 4000, candidate: 95))
        #expect(try isRefused([], context: 4000, candidate: 96))
        #expect(try !isRefused(["ui"], context: 62, candidate: 63 - 1 + 0))
        #expect(try isRefused(["ui"], context: 64, candidate: 64))
    }

    @Test("a context that is no example is refused, and leaves the parser as it was")
    func wrongContext() throws {
        var parser = VWTextParser(Plan(try spec([], transforms: true)), purpose: .scoring)
        var (batch, errors) = (ExampleBatch(), LineErrors())
        for text in ["|u a:b:c", "", "\n"] {
            var window = ByteWindow(text.utf8)
            #expect(!parser.beginContext(&window, into: &batch, errors: &errors))
            #expect(!parser.hasContext)
        }
        #expect(batch.exampleCount == 0)
    }
}
