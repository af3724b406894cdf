import Domain
import Features
import Testing

private func parse(
    _ text: String, purpose: VWTextParser.Purpose = .training, bits: Int = 18
) -> (batch: ExampleBatch, errors: LineErrors) {
    var spec = ModelSpec()
    spec.bits = bits
    var parser = VWTextParser(spec, purpose: purpose)
    var window = ByteWindow(text.utf8)
    var batch = ExampleBatch()
    var errors = LineErrors()
    _ = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
    return (batch, errors)
}

@Suite("A line is an example, or an error that says where and why")
struct VWTextParserTests {
    @Test("published vectors of VW's hash")
    func vectors() {
        let (batch, errors) = parse("1 | a b c\n1 |ns abc\n1 |namespace feature\n1 |n feature\n1 |a 1\n")
        #expect(errors.count == 0)
        #expect(batch.features(of: 0).map(\.index) == [92594, 163_331, 185_951, 116_060])
        #expect(batch.features(of: 1).map(\.index).first == 16258)
        #expect(batch.features(of: 2).map(\.index).first == 242_309)
        #expect(batch.features(of: 3).map(\.index).first == 35795)
        #expect(batch.features(of: 4).map(\.index).first == 92595)
    }

    @Test(
        "labels, importances and tags",
        arguments: [
            ("1 |a x", 1, 1), ("-1 |a x", 0, 1), ("0 |a x", 0, 1), ("1 2.5 |a x", 1, 2.5), ("1 'tag|a x", 1, 1),
            ("1 tag|a x", 1, 1), ("1 3 'tag |a x", 1, 3), ("+1 |a x", 1, 1), ("-1e0 |a x", 0, 1), ("1", 1, 1),
            ("  1 |a x", 1, 1), ("1 2 0 |a x", 1, 2),
        ] as [(String, Float, Float)])
    func labels(line: String, label: Float, importance: Float) throws {
        let (batch, errors) = parse(line)
        #expect(errors.told == [])
        try #require(batch.exampleCount == 1)
        #expect(batch.labels[0] == label)
        #expect(batch.importances[0] == importance)
    }

    @Test(
        "every kind of bad line names its column and reason",
        arguments: [
            ("|a x", 1, .noLabel), ("2 |a x", 1, .wrongLabel), ("x y |a x", 1, .wrongLabel),
            ("nan |a x", 1, .wrongLabel),
            ("1 0 |a x", 3, .wrongImportance), ("1 -2 |a x", 3, .wrongImportance), ("1 nan |a x", 3, .wrongImportance),
            ("1 1e9 |a x", 3, .wrongImportance), ("1 1 0.5 |a x", 5, .initialPrediction),
            ("1 1 0 0 0 |a x", 9, .tooManyLabelTokens), ("1 |a x:", 8, .valueMissing),
            ("1 |a x:nan", 8, .valueNotANumber),
            ("1 |a x:inf", 8, .valueInfinite), ("1 |a x:-Infinity", 8, .valueInfinite),
            ("1 |a x:1e999", 8, .valueInfinite),
            ("1 |a x:1e30", 8, .valueTooLarge), ("1 |a x:1:2", 9, .secondColon), ("1 |a:w x", 6, .namespaceWeight),
        ] as [(String, Int, LineError.Reason)])
    func badLines(line: String, column: Int, reason: LineError.Reason) {
        let (batch, errors) = parse("1 |a good\n\(line)\n-1 |a good\n")
        #expect(errors.told == [LineError(line: 2, column: column, reason: reason)])
        #expect(batch.exampleCount == 2)
        #expect(batch.featureCount == 4)
    }

    @Test("the 4097th feature refuses the line")
    func tooManyFeatures() {
        let names = (0..<4096).map { "f\($0)" }.joined(separator: " ")
        let (batch, errors) = parse("1 |a \(names)\n1 |a x\n")
        #expect(errors.told == [LineError(line: 1, column: 1, reason: .tooManyFeatures)])
        #expect(batch.exampleCount == 1)
    }

    @Test("zero values are dropped, namespace weights multiply, text values are names")
    func values() {
        let (batch, _) = parse("1 |a:0.5 x:0 y:3 z\n1 |a x:red\n")
        #expect(batch.features(of: 0).map(\.value) == [1.5, 0.5, 1])
        #expect(batch.features(of: 1).map(\.value) == [1, 1])
        #expect(batch.features(of: 1).map(\.index) != parse("1 |a x\n").batch.features(of: 0).map(\.index))
    }

    @Test("scoring ignores what stands before the bar")
    func scoring() {
        let (batch, errors) = parse("|a x\nnonsense |a x\n1 2 3 4 5 |a x\n", purpose: .scoring)
        #expect(errors.count == 0)
        #expect(batch.exampleCount == 3)
        #expect(Set((0..<3).map { batch.features(of: $0).map(\.index) }).count == 1)
    }

    @Test("carriage returns, empty lines and a missing last line feed do not matter")
    func lineEnds() {
        let plain = parse("1 |a x y\n-1 |b z\n").batch
        let dos = parse("1 |a x y\r\n\r\n\n-1 |b z\r").batch
        #expect(dos.exampleCount == 2)
        for e in 0..<2 { #expect(plain.features(of: e).map(\.index) == dos.features(of: e).map(\.index)) }
    }

    @Test("an unfinished line waits", arguments: 0..<40)
    func splits(cut: Int) {
        let text = Array("1 'a |n x:2 y |m z\n-1 |n q\n1 |k 12 13\n".utf8)
        var parser = VWTextParser(ModelSpec(), purpose: .training)
        var window = ByteWindow(text[..<min(cut, text.count)])
        var batch = ExampleBatch()
        var errors = LineErrors()
        let first = parser.parse(&window, endsText: false, firstLine: 1, into: &batch, errors: &errors)
        window.removeFirst(first.byteCount)
        window.append(text[min(cut, text.count)...])
        let second = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
        #expect(first.byteCount + second.byteCount == text.count)
        #expect(errors.count == 0)
        #expect(batch.exampleCount == 3)
        #expect(batch.featureCount == 4 + 2 + 3)
    }

    @Test("names of every length hash as the plain loop does", arguments: 1..<40)
    func lengths(count: Int) {
        let name = String(repeating: "k", count: count)
        let inDefault = parse("1 |s \(name)\n", bits: 30).batch.features(of: 0)[0].index
        #expect(
            inDefault == referenceMurmur(Array(name.utf8), seed: referenceMurmur(Array("s".utf8), seed: 0))
                & 0x3fff_ffff)
    }

    @Test("names of one line hash each as it would alone: mixed lengths, digits, signs of trimming", arguments: 0..<32)
    func mixedNames(seed: UInt64) {
        var random = Xorshift(state: seed &* 0x9e37_79b9_7f4a_7c15 | 1)
        let alphabets = [Array("0123456789".utf8), Array("0123456789abcdef".utf8), Array("zZ_\u{1}\u{e9}".utf8)]
        var spec = ModelSpec()
        spec.bits = 30
        spec.hashing.mode = seed % 2 == 0 ? .strings : .all
        spec.hashing.constant = seed % 3 != 0
        let names = (0..<200).map { _ in
            let alphabet = alphabets[Int(random.next() % 3)]
            return (0...random.next() % 11).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
        }
        let space = referenceMurmur(Array("s".utf8), seed: 0)
        var parser = VWTextParser(spec, purpose: .training)
        // Two batches of one parser: the second lies behind the first, and the parser's scratch is used again.
        var batch = ExampleBatch()
        var errors = LineErrors()
        for _ in 0..<2 {
            var window = ByteWindow(Array("1 |s".utf8) + names.flatMap { [0x20] + $0 })
            _ = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
        }
        #expect(errors.count == 0)
        let expected = names.map { referenceHash($0, seed: space, mode: spec.hashing.mode) & 0x3fff_ffff }
        for e in 0..<2 {
            let got = batch.features(of: e).map(\.index)
            #expect(Array(got.prefix(names.count)) == expected, "seed \(seed), example \(e)")
            #expect(Array(got.dropFirst(names.count)) == (spec.hashing.constant ? [11_650_396] : []))
        }
    }
}

private struct Xorshift {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state >> 11
    }
}

/// VW's two rules in words: "all" is murmur; "strings" trims, and digits are their number plus the seed.
private func referenceHash(_ name: [UInt8], seed: UInt32, mode: ModelSpec.Hashing.Mode) -> UInt32 {
    guard mode == .strings else { return referenceMurmur(name, seed: seed) }
    let trimmed = Array(name.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed())
    guard trimmed.allSatisfy({ (0x30...0x39).contains($0) }) else { return referenceMurmur(trimmed, seed: seed) }
    return trimmed.reduce(0) { $0 &* 10 &+ UInt32($1 - 0x30) } &+ seed
}

/// The hash of a name in a named namespace, without a seed of the spec's.
func referenceMurmur(_ name: String, in namespace: String) -> UInt32 {
    referenceMurmur(Array(name.utf8), seed: referenceMurmur(Array(namespace.utf8), seed: 0))
}

/// MurmurHash3 x86_32 as its author wrote it.
func referenceMurmur(_ bytes: [UInt8], seed: UInt32) -> UInt32 {
    func rotate(_ x: UInt32, _ r: UInt32) -> UInt32 { (x << r) | (x >> (32 - r)) }
    var h = seed
    let blocks = bytes.count / 4
    for b in 0..<blocks {
        var k = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[b * 4 + $1]) << (8 * UInt32($1)) }
        k = rotate(k &* 0xcc9e_2d51, 15) &* 0x1b87_3593
        h = rotate(h ^ k, 13) &* 5 &+ 0xe654_6b64
    }
    var k: UInt32 = 0
    let tail = bytes[(blocks * 4)...]
    if tail.count >= 3 { k ^= UInt32(bytes[blocks * 4 + 2]) << 16 }
    if tail.count >= 2 { k ^= UInt32(bytes[blocks * 4 + 1]) << 8 }
    if tail.count >= 1 {
        k ^= UInt32(bytes[blocks * 4])
        h ^= rotate(k &* 0xcc9e_2d51, 15) &* 0x1b87_3593
    }
    h ^= UInt32(bytes.count)
    h = (h ^ (h >> 16)) &* 0x85eb_ca6b
    h = (h ^ (h >> 13)) &* 0xc2b2_ae35
    return h ^ (h >> 16)
}
