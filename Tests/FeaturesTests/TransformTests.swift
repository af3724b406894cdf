import Configuration
import Domain
import Features
import Foundation
import TestSupport
import Testing

@Suite("Numbers become bins and leaves, and nothing else changes")
struct TransformTests {
    private func spec(_ transforms: String, crosses: [String] = [], constant: Bool = false) throws -> ModelSpec {
        var spec = try ModelSpec(yaml: "transforms: \(transforms)\nconstant: \(constant)\n")
        spec.crosses = crosses.map { Cross($0)! }
        return spec
    }

    private func parse(_ text: String, _ spec: ModelSpec, piece: Int = .max) -> (
        batch: ExampleBatch, errors: LineErrors
    ) {
        var parser = VWTextParser(Plan(spec), purpose: .training)
        var window = ByteWindow(text.utf8)
        var (batch, errors) = (ExampleBatch(), LineErrors())
        var line = 1
        while true {
            let (bytes, lines) = parser.parse(
                &window, lineCountMax: piece, endsText: true, firstLine: line, into: &batch, errors: &errors)
            guard lines > 0 else { return (batch, errors) }
            window.removeFirst(bytes)
            line += lines
        }
    }

    private func texts(_ batch: ExampleBatch, _ e: Int = 0) -> [String] {
        batch.features(of: e).map { "\($0.index):\($0.value)" }
    }

    /// A line is transformed into what another line is without transforms.
    private func expect(
        _ line: String, _ spec: ModelSpec, becomes other: String, _ place: SourceLocation = #_sourceLocation
    ) {
        var plain = spec
        plain.transforms = .none
        let (found, wanted) = (parse(line, spec), parse(other, plain))
        #expect(found.errors.told == [], sourceLocation: place)
        #expect(texts(found.batch) == texts(wanted.batch), sourceLocation: place)
    }

    private let bins = #"{bins: {"n^x": [-1, 0.5, 2]}}"#

    @Test(
        "a number is in the bin whose lower edge is not above it",
        arguments: [
            ("-2", 0), ("-1", 1), ("0", 1), ("-0", 1), ("0.49", 1), ("0.5", 2), ("1", 2), ("2", 3), ("1e30", 3),
            ("inf", 3), ("-inf", 0), ("+inf", 3),
        ])
    func bin(_ number: String, _ bin: Int) throws {
        expect("1 |n x:\(number) y:3", try spec(bins), becomes: "1 |n x=\(bin) y:3")
    }

    @Test("what is no number, or not there, has a bin of its own")
    func missing() throws {
        let spec = try spec(bins)
        expect("1 |n x:nan y:3", spec, becomes: "1 |n x=missing y:3")
        expect("1 |n y:3 |m z", spec, becomes: "1 |n y:3 |m z |n x=missing")
        expect("1 |m z", spec, becomes: "1 |m z |n x=missing")
        expect("1 |n x:text", spec, becomes: "1 |n x:text |n x=missing")
        // A name without a number has 1.
        expect("1 |n x", spec, becomes: "1 |n x=2")
        // Another namespace's x is another feature.
        expect("1 |m x:3", spec, becomes: "1 |m x:3 |n x=missing")
    }

    @Test("a namespace's weight is the weight of its bins, not part of the number")
    func weight() throws {
        expect("1 |n:2 x:1 y:3", try spec(bins), becomes: "1 |n:2 x=2 y:3")
        expect("1 |n:0 x:1", try spec(bins), becomes: "1 |n:0 x=2")
    }

    @Test("bins of every count, against counting the edges one by one")
    func lookups() throws {
        var random = SeededGenerator(seed: 7)
        for count in [0, 1, 7, 8, 9, 15, 16, 31, 32, 33, 64, 65, 100, 255, 1000] {
            var edges = Set<Float>()
            while edges.count < count { edges.insert(Float(Int.random(in: -5000...5000, using: &random)) / 8) }
            let feature = FeatureName("n^x")!
            var spec = ModelSpec()
            spec.hashing.constant = false
            let sorted = edges.sorted()
            spec.transforms = try Transforms(bins: [Bins(feature, edges: sorted)], forests: [])
            var (lines, wanted) = ("", "")
            for _ in 0..<200 {
                let value =
                    Bool.random(using: &random) && count > 0
                    ? sorted.randomElement(using: &random)! : Float(Int.random(in: -6000...6000, using: &random)) / 8
                lines += "1 |n x:\(value)\n"
                wanted += "1 |n x=\(sorted.count { $0 <= value })\n"
            }
            var plain = spec
            plain.transforms = .none
            let (found, expected) = (parse(lines, spec).batch, parse(wanted, plain).batch)
            for e in 0..<200 { #expect(texts(found, e) == texts(expected, e), "\(count) edges") }
        }
    }

    private let trees = #"""
        {bins: {"n^x": [10]}, trees: [{namespace: t, inputs: ["n^x", "n^z"], trees:
        ["0<0x1.8p+0,l 1<0x1p+0,r =3 =4 =9", "1<0x0p+0,R =0 =1", "=5"]}]}
        """#

    @Test(
        "each tree adds the leaf that the numbers lead to; what is missing goes where the split says",
        arguments: [
            ("x:1 z:0.5", "3 1"), ("x:1 z:1", "4 1"), ("x:1.5 z:-1", "9 0"), ("x:1", "4 1"), ("z:-1", "3 0"),
            ("x:nan z:0", "3 1"), ("x:-inf z:inf", "4 1"),
        ])
    func leaves(_ numbers: String, _ leaves: String) throws {
        let spec = try spec(trees)
        var plain = spec
        plain.transforms = try Transforms(bins: spec.transforms.bins, forests: [])
        let found = leaves.split(separator: " ")
        // Behind the line and what is missing of it; z stays, where it is finite.
        let line = numbers.replacingOccurrences(of: " z:inf", with: "")
        let missing = numbers.contains("x:") ? "" : " |n x=missing"
        plain.transforms = .none
        let binned = line.replacing(/x:\S+/) { $0.output == "x:nan" ? "x=missing" : "x=0" }
        expect("1 |n \(numbers)", spec, becomes: "1 |n \(binned)\(missing) |t 0=\(found[0]) 1=\(found[1]) 2=5")
    }

    @Test("crosses see bins, missing numbers and leaves as features of their namespaces")
    func crossed() throws {
        let spec = try spec(trees, crosses: ["ma", "nt", "tt", "mnt"], constant: true)
        for line in ["1 |m a b |n x:3 z:4", "-1 |m a |n z:2 |n w:1", "1 |m q |m r |n x:nan"] {
            let x = line.contains("x:3") ? "x=0" : "x=missing"
            let other =
                line.contains("x:")
                ? line.replacing(/x:\S+/) { _ in x } : line + " |n x=missing"
            let z = line.contains("z:4") || line.contains("z:2")
            let first = line.contains("x:3") ? "9" : z ? "4" : "4"
            expect(line, spec, becomes: other + " |t 0=\(first) 1=1 2=5")
        }
    }

    @Test("however lines are cut into pieces")
    func pieces() throws {
        let spec = try spec(trees, crosses: ["nt"])
        let text = (0..<300).map { "1 |n \($0 % 3 == 0 ? "x:\($0) " : "")z:\(Float($0) / 9) w |m a\($0)\n" }.joined()
        let whole = parse(text, spec).batch
        let pieces = parse(text, spec, piece: 7).batch
        #expect(whole.exampleCount == 300)
        for e in 0..<300 { #expect(texts(whole, e) == texts(pieces, e)) }
    }

    @Test("a bad number elsewhere is still an error, with its place")
    func errors() throws {
        let spec = try spec(bins)
        #expect(
            parse("1 |n x:1 y:nan\n", spec).errors.told == [LineError(line: 1, column: 12, reason: .valueNotANumber)])
        #expect(parse("1 |n y:-inf\n", spec).errors.told == [LineError(line: 1, column: 8, reason: .valueInfinite)])
        #expect(parse("1 |m x:nan\n1 |n x:1\n", spec).batch.exampleCount == 1)
    }

    @Test("a spec reads back equal, and its fingerprint knows every edge and node")
    func fingerprint() throws {
        let one = try spec(trees)
        #expect(try ModelSpec(yaml: one.yaml) == one)
        #expect(try ModelSpec(yaml: one.yaml).fingerprint == one.fingerprint)
        let others = [
            trees.replacing("[10]", with: "[10.000001]"), trees.replacing("=9", with: "=8"),
            trees.replacing(",l", with: ",r"), trees.replacing("n^z", with: "n^y"),
            trees.replacing("namespace: t", with: "namespace: s"),
        ]
        let prints = try Set(others.map { try spec($0).fingerprint } + [one.fingerprint, ModelSpec().fingerprint])
        #expect(prints.count == 7)
    }

    @Test(
        "what is wrong with transforms is told in a sentence",
        arguments: [
            (#"{bins: {"n^x": [1, 1]}}"#, "'n^x', edge 2: 1.0 is not above the one before, 1.0; sort the edges"),
            (#"{bins: {"n^x": [2, 1]}}"#, "sort the edges"),
            (#"{bins: {"n^x": [1, inf]}}"#, "edge 2: inf is not finite"),
            (#"{bins: {"n^x": [one]}}"#, "edge 1: 'one' is not a number"),
            (#"{bins: {"n x": [1]}}"#, "'n x' names no feature; write namespace^name"),
            (#"{trees: [{namespace: t, inputs: ["n^x"], trees: ["0<1,l =0"]}]}"#, "ends before its last leaf"),
            (#"{trees: [{namespace: t, inputs: ["n^x"], trees: ["=0 =1"]}]}"#, "goes on behind its last leaf"),
            (
                #"{trees: [{namespace: t, inputs: ["n^x"], trees: ["1<1,l =0 =1"]}]}"#,
                "compares input 1, but there are 1"
            ),
            (#"{trees: [{namespace: t, inputs: ["n^x"], trees: ["0<1,x =0 =1"]}]}"#, "'0<1,x' is no node of a tree"),
            (#"{trees: [{inputs: ["n^x"], trees: []}]}"#, "without 'namespace'"),
            (#"{edges: {}}"#, "unknown key 'edges'"),
            (#"{bins: {"n^5": [1], "n^05": [2]}}"#, "'n^05' and 'n^5' are one feature"),
            (#"{bins: {"n^0": [1]}, trees: [{namespace: t, inputs: ["n^00"], trees: ["=0"]}]}"#, "are one feature"),
        ])
    func refused(_ transforms: String, _ sentence: String) {
        #expect {
            try spec(transforms)
        } throws: {
            "\($0)".contains(sentence)
        }
    }

    @Test("Float's exact text reads back to the same bits")
    func hexText() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<1000 {
            let number = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random))
            guard !number.isNaN else { continue }
            #expect(Float(number.hexText)?.bitPattern == number.bitPattern, "\(number)")
        }
        #expect([3, 0.1, -0.5, 0].map { ($0 as Float).hexText } == ["0x1.8p+1", "0x1.99999ap-4", "-0x1p-1", "0x0p+0"])
    }

    @Test("features are named as the batch has them")
    func names() throws {
        let spec = try spec(trees, crosses: ["mn"], constant: true)
        var names = FeatureNames(spec)
        let features = try names.features(of: "1 |m a |n x:3 z:2 y")
        #expect(
            features.map(\.name) == [
                "m^a", "n^x=0", "n^z", "n^y", "t^0=9", "t^1=1", "t^2=5", "Constant", "m^a*n^x=0", "m^a*n^z", "m^a*n^y",
            ])
        #expect(
            try names.features(of: "1 |n w:0x10 v:2.5 u:nan(5)").map(\.name).prefix(3) == [
                "n^w:0x10", "n^v", "n^u:nan(5)",
            ])
        #expect(try names.features(of: "1 |n:2 x:nan").map(\.name).first == "n^x=missing")
    }
}
