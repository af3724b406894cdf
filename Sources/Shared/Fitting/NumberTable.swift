package import Domain
package import Features

/// The numbers that chosen features have in examples, read as the transforms of a plan see them.
package struct NumberTable: Sendable {
    package let features: [FeatureName]
    private var parser: ExampleParser
    private var batch = ExampleBatch()

    /// - Precondition: at most `Limits.Transforms.inputCountMax` features, none twice.
    package init(
        _ features: [FeatureName], of given: ModelSpec, _ format: ExampleFormat = .vw
    ) throws(TransformError) {
        self.features = features
        var spec = ModelSpec()
        (spec.hashing, spec.columns) = (given.hashing, given.columns)
        // A list without trees: its inputs are looked at, and nothing is added.
        spec.transforms = try Transforms(
            bins: [], forests: [Forest(namespace: "fitted", inputs: features, trees: [])])
        parser = ExampleParser(Plan(spec), format, purpose: .training)
        parser.keepsNumbers = true
    }

    /// Reads the header of a format that has one.
    ///
    /// - Returns: how many bytes it is; nil where it has not ended, 0 where there is none or it was read before.
    package mutating func readHeader(_ window: inout ByteWindow, endsText: Bool) throws(HeaderError) -> Int? {
        parser.needsHeader ? try parser.readHeader(&window, endsText: endsText) : 0
    }

    /// Reads whole lines of a window and hands over each example.
    ///
    /// - Parameter body: an example's label, 0 or 1, its importance, and the numbers of its features, NaN for those it lacks.
    /// - Returns: how many bytes and lines were read.
    package mutating func read(
        _ window: inout ByteWindow, endsText: Bool, firstLine: Int, errors: inout LineErrors,
        _ body: (_ label: Float, _ importance: Float, _ numbers: ArraySlice<Float>) -> Void
    ) -> (byteCount: Int, lineCount: Int) {
        batch.removeAll()
        let read = parser.parse(
            &window, endsText: endsText, firstLine: firstLine, into: &batch, errors: &errors)
        let numbers = parser.takeNumbers()
        for e in 0..<batch.exampleCount {
            let row = numbers[e * features.count..<(e + 1) * features.count]
            body(batch.labels[e], batch.importances[e], row)
        }
        return read
    }
}

/// The features that have a number other than 1 in some line.
package struct NumericFeatures {
    package private(set) var found: Set<FeatureName> = []

    package init() {}

    package mutating func look(at line: some Collection<UInt8>) {
        for part in line.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false).dropFirst() {
            let words = part.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            let isNamed = part.first.map { $0 != 0x20 && $0 != 0x09 } ?? false
            let space = isNamed ? words.first.map { Array($0.prefix { $0 != Self.colon }) } ?? [] : []
            for word in words.dropFirst(isNamed ? 1 : 0) {
                guard let colon = word.firstIndex(of: Self.colon),
                    let number = Float(String(decoding: word[colon...].dropFirst(), as: UTF8.self)), number != 1
                else { continue }
                let name = String(decoding: space + [UInt8(ascii: "^")] + word[..<colon], as: UTF8.self)
                if let feature = FeatureName(name) { found.insert(feature) }
            }
        }
    }
    private static let colon = UInt8(ascii: ":")
}
