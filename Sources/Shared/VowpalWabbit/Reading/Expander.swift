/// Turns parsed examples into those that are learned: leaves namespaces out, makes grams, the constant and crosses.
///
/// - Source: Vowpal Wabbit's `parser.cc` (order of these steps), `kskip_ngram_transformer.cc`,
///   `interactions_predict.h`.
package struct Expander: Sendable {
    /// Features of one namespace, wherever they stood in the line.
    struct Space {
        var byte: UInt8
        var start: Int
        var end: Int
        var isLinear: Bool
    }

    /// What crosses come to for lines with certain namespaces.
    struct Layout: Sendable {
        var bytes: [UInt8] = []
        /// Whether every term is two different namespaces.
        var isPairs = true
        /// Terms one behind the other, as places in `bytes`, and where each ends.
        var places: [Int] = []
        var ends: [Int] = []
    }

    let mask: UInt32
    let hasConstant: Bool
    let keepsNames: Bool
    private let crosses: CrossOptions
    private let isLeftOut: [Bool]
    private let isLeftOutAlone: [Bool]
    private let hasLeftOutAlone: Bool
    private let grams: GramOptions
    /// Namespaces stand as in their lines, each in one piece: nothing is moved.
    private let changesNothing: Bool
    private(set) var layout = Layout()
    private var known: [[UInt8]: Layout] = [:]
    var spaces: [Space] = []
    /// Features of examples whose namespaces are in pieces or have grams.
    var gathered = Gathered()

    struct Gathered: Sendable {
        var indices: [UInt32] = []
        var values: [Float] = []
        var names: [String] = []
    }

    /// More crossed features than this in one example are refused.
    static let featureCountMax = 1 << 26

    package init(_ options: VWOptions) {
        mask = 1 << UInt32(options.bits) - 1
        (hasConstant, keepsNames, crosses, grams) = (
            options.hasConstant, options.keepsNames, options.crosses, options.ngrams
        )
        let kept = options.kept
        // What is kept stays, also where it is ignored; what affixes make is a namespace of its own.
        isLeftOut = (UInt8.min...UInt8.max).map { byte in
            kept.map { !$0.contains(byte) } ?? options.ignored.contains(byte)
        }
        isLeftOutAlone = (UInt8.min...UInt8.max).map { options.ignoredAlone.contains($0) }
        hasLeftOutAlone = !options.ignoredAlone.isEmpty
        changesNothing = options.ngrams.isEmpty && options.ignored.isEmpty && kept == nil
    }

    /// Expands all parsed examples; what `expanded` held is gone.
    package mutating func expand(_ parsed: ParsedExamples, into expanded: inout ExpandedExamples) throws(VWError) {
        expanded.removeAll()
        var example = 0
        expanded.offsets.grow(to: parsed.exampleCount + 1)
        expanded.counts.grow(to: parsed.exampleCount)
        // A guess that suits few crosses; whoever has more grows once.
        expanded.indices.grow(to: 2 * (parsed.featureCount + parsed.exampleCount) + ExpandedExamples.slack)
        expanded.values.grow(to: 2 * (parsed.featureCount + parsed.exampleCount) + ExpandedExamples.slack)
        while example < parsed.exampleCount {
            let isInPlace = gather(parsed, example)
            let count = featureCount()
            guard count <= Self.featureCountMax else {
                throw .usage("an example has more than \(Self.featureCountMax) features with its interactions")
            }
            let needed = expanded.featureCount + count + ExpandedExamples.slack
            expanded.indices.grow(to: needed)
            expanded.values.grow(to: needed)
            let linear = spaces.reduce(hasConstant ? 1 : 0) { $0 + $1.end - $1.start }
            if isInPlace {
                write(parsed.indices, parsed.values, into: &expanded)
            } else {
                write(gathered.indices, gathered.values, into: &expanded)
            }
            if hasLeftOutAlone {
                expanded.leftOut.grow(to: parsed.exampleCount)
                expanded.leftOut[example] = squaresLeftOut(isInPlace ? parsed.values : gathered.values)
            }
            if keepsNames { writeNames(isInPlace ? parsed.names : gathered.names, into: &expanded) }
            let crossed = count - spaces.reduce(hasConstant ? 1 : 0) { $0 + ($1.isLinear ? $1.end - $1.start : 0) }
            expanded.counts[example] = UInt32(linear + crossed)
            example += 1
            expanded.exampleCount = example
            expanded.offsets[example] = UInt32(expanded.featureCount)
            if isInPlace && !keepsNames && !hasLeftOutAlone && (crosses.isEmpty || layout.isPairs) {
                example += writeAlike(parsed, from: example, into: &expanded)
                expanded.exampleCount = example
            }
        }
    }

    /// Makes `spaces` of an example.
    ///
    /// - Returns: whether they are places in the parsed columns themselves.
    private mutating func gather(_ parsed: ParsedExamples, _ example: Int) -> Bool {
        let segments = parsed.segments(of: example)
        spaces.removeAll(keepingCapacity: true)
        var isInPlace = changesNothing
        for segment in segments {
            let byte = parsed.segmentBytes[segment]
            if spaces.contains(where: { $0.byte == byte }) { isInPlace = false }
            guard isInPlace || !isLeftOut[Int(byte)] else { continue }
            let features = parsed.features(of: segment)
            spaces.append(
                Space(
                    byte: byte, start: features.lowerBound, end: features.upperBound,
                    isLinear: !isLeftOutAlone[Int(byte)]))
        }
        if !isInPlace { gatherPieces(parsed) }
        if !crosses.isEmpty { adaptLayout() }
        return isInPlace
    }

    /// Moves pieces of one namespace together and makes their grams.
    private mutating func gatherPieces(_ parsed: ParsedExamples) {
        let pieces = spaces
        spaces.removeAll(keepingCapacity: true)
        gathered.indices.removeAll(keepingCapacity: true)
        gathered.values.removeAll(keepingCapacity: true)
        gathered.names.removeAll(keepingCapacity: true)
        for piece in pieces where !spaces.contains(where: { $0.byte == piece.byte }) {
            let start = gathered.indices.count
            for part in pieces where part.byte == piece.byte {
                gathered.indices += parsed.indices[part.start..<part.end]
                gathered.values += parsed.values[part.start..<part.end]
                if keepsNames, !parsed.names.isEmpty { gathered.names += parsed.names[part.start..<part.end] }
            }
            let end = gathered.indices.count
            let size = grams.sizes[Int(piece.byte)]
            if size > 1 {
                for n in 1..<size { gathered.addGrams(start, end, n, grams.skips[Int(piece.byte)]) }
            }
            spaces.append(
                Space(
                    byte: piece.byte, start: start, end: gathered.indices.count,
                    isLinear: !isLeftOutAlone[Int(piece.byte)]))
        }
    }

    private mutating func adaptLayout() {
        var isSame = layout.bytes.count == spaces.count
        if isSame { for k in spaces.indices where layout.bytes[k] != spaces[k].byte { isSame = false } }
        guard !isSame else { return }
        let bytes = spaces.map(\.byte)
        if let found = known[bytes] {
            layout = found
            return
        }
        var made = Layout(bytes: bytes)
        for term in crosses.terms(of: bytes) {
            made.places += term
            made.ends.append(made.places.count)
            if term.count != 2 || term[0] == term[1] { made.isPairs = false }
        }
        layout = made
        if known.count >= 256 { known.removeAll() }
        known[bytes] = made
    }

    /// Features that the example will have, those left out of linear terms not among them.
    private func featureCount() -> Int {
        var total = hasConstant ? 1 : 0
        for space in spaces where space.isLinear { total += space.end - space.start }
        guard !crosses.isEmpty else { return total }
        if layout.isPairs {
            for k in stride(from: 0, to: layout.places.count, by: 2) {
                let (a, b) = (spaces[layout.places[k]], spaces[layout.places[k + 1]])
                total += (a.end - a.start) * (b.end - b.start)
            }
            return total
        }
        var start = 0
        for end in layout.ends {
            var product = 1
            var k = start
            while k < end {
                var runEnd = k + 1
                while runEnd < end && layout.places[runEnd] == layout.places[k] { runEnd += 1 }
                let space = spaces[layout.places[k]]
                product *= space.end - space.start
                // Of one namespace several times: ways to take that many of its features, each as often as one likes.
                for taken in 1..<(runEnd - k) where product <= Self.featureCountMax {
                    product = product * (space.end - space.start + taken) / (taken + 1)
                }
                if product > Self.featureCountMax { return product }
                k = runEnd
            }
            total += product
            if total > Self.featureCountMax { return total }
            start = end
        }
        return total
    }

    private func squaresLeftOut(_ values: [Float]) -> Float {
        var sum: Float = 0
        for space in spaces where !space.isLinear { for k in space.start..<space.end { sum += values[k] * values[k] } }
        return sum
    }

    private func writeNames(_ names: [String], into expanded: inout ExpandedExamples) {
        func name(_ place: Int) -> String { names.isEmpty ? "" : names[place] }
        for space in spaces where space.isLinear {
            for k in space.start..<space.end { expanded.names.append(name(k)) }
        }
        if hasConstant { expanded.names.append("Constant") }
        guard !crosses.isEmpty else { return }
        var start = 0
        for end in layout.ends {
            forEachChoice(layout.places[start..<end]) { chosen in
                expanded.names.append(names.isEmpty ? "" : chosen.map(name).joined(separator: "*"))
            }
            start = end
        }
    }

    /// Every choice of one feature of each namespace of a term, in the order of crosses; of one namespace twice in a
    /// row, no choice twice.
    private func forEachChoice(_ term: ArraySlice<Int>, _ body: ([Int]) -> Void) {
        func choose(_ rest: ArraySlice<Int>, _ chosen: [Int], _ before: Int?) {
            guard let place = rest.first else { return body(chosen) }
            let space = spaces[place]
            for k in (before == place ? chosen[chosen.count - 1] : space.start)..<space.end {
                choose(rest.dropFirst(), chosen + [k], place)
            }
        }
        choose(term, [], nil)
    }
}

extension Expander.Gathered {
    /// Adds the grams of `n` + 1 features among start ..< end, with so many left out between them.
    mutating func addGrams(_ start: Int, _ end: Int, _ n: Int, _ skips: Int) {
        var offsets = [0]
        add(start, end, n, skips, 0, &offsets)
    }

    private mutating func add(
        _ start: Int, _ end: Int, _ more: Int, _ skips: Int, _ skipped: Int, _ offsets: inout [Int]
    ) {
        if more == 0 {
            let last = end - start - offsets[offsets.count - 1]
            guard last > 0 else { return }
            for k in start..<start + last {
                indices.append(offsets.dropFirst().reduce(indices[k]) { $0 &* 27_942_141 &+ indices[k + $1] })
                values.append(1)
                guard !names.isEmpty else { continue }
                let parts = offsets.dropFirst().map { names[k + $0].split(separator: "^").last.map(String.init) ?? "" }
                names.append(([names[k]] + parts).joined(separator: "^"))
            }
            return
        }
        offsets.append(offsets[offsets.count - 1] + 1 + skipped)
        add(start, end, more - 1, skips, 0, &offsets)
        offsets.removeLast()
        if skips > 0 { add(start, end, more, skips - 1, skipped + 1, &offsets) }
    }
}
