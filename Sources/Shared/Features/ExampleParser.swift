internal import Domain

/// Reads examples of one format, chosen when it is made, into index/value batches.
///
/// Every format is defined by the Vowpal Wabbit text that it equals (docs/FORMAT.md): its lines make the same features in the same
/// order, whatever the plan adds. A line with an error adds nothing to the batch and is told by line, column and reason.
package struct ExampleParser: Sendable {
    /// Whether lines are learned or only scored.
    package enum Purpose: Sendable {
        /// A line needs a label.
        case training
        /// Whatever stands where the label would be is ignored.
        case scoring
    }

    private enum Grammar: Sendable {
        case vw(VWGrammar)
        case libsvm(LibsvmGrammar)
        case libffm(LibffmGrammar)
        case criteo(CriteoGrammar)
        case csv(CSVGrammar)
        case ndjson(JSONGrammar)
        /// CSV before its header.
        case header
    }

    package let format: ExampleFormat
    private var grammar: Grammar
    private var maker: ExampleMaker
    private let spec: ModelSpec
    private let purpose: Purpose

    package init(_ plan: Plan, _ format: ExampleFormat, purpose: Purpose) {
        (self.format, self.purpose, spec) = (format, purpose, plan.spec)
        maker = ExampleMaker(plan)
        grammar =
            switch format {
            case .vw: .vw(VWGrammar(purpose: purpose))
            case .libsvm: .libsvm(LibsvmGrammar(purpose: purpose))
            case .libffm: .libffm(LibffmGrammar(purpose: purpose))
            case .criteo: .criteo(CriteoGrammar(maker, plan.spec.hashing, purpose: purpose))
            case .csv: .header
            case .ndjson: .ndjson(JSONGrammar(purpose: purpose))
            }
    }

    /// Whether the numbers that transforms look at are kept for `takeNumbers`.
    package var keepsNumbers: Bool {
        get { maker.transforming?.rows != nil }
        set { maker.transforming?.rows = newValue ? [] : nil }
    }

    /// The numbers of the examples parsed since the last call, NaN for what they lack. Shape [E × slots].
    package mutating func takeNumbers() -> [Float] {
        let rows = maker.transforming?.rows ?? []
        maker.transforming?.rows = []
        return rows
    }

    /// Whether a header must be read before lines are parsed.
    package var needsHeader: Bool {
        if case .header = grammar { return true }
        return false
    }

    /// Reads the header at the beginning of a window; it holds for all that is parsed from then on, also by copies of this parser.
    ///
    /// - Returns: how many bytes it is, its line feed among them; nil where it has not ended.
    package mutating func readHeader(_ window: inout ByteWindow, endsText: Bool) throws(HeaderError) -> Int? {
        precondition(needsHeader, "a format without a header")
        guard let columns = spec.columns else {
            throw HeaderError("the model's spec has no key 'columns', which says what the columns of CSV are")
        }
        guard let (names, byteCount) = try window.headerLine(endsText: endsText) else { return nil }
        grammar = .csv(try CSVGrammar(names, columns, spec.hashing, maker, purpose: purpose))
        return byteCount
    }

    /// Parses whole lines of `window` from byte `start` on, at most `lineCountMax` of them.
    ///
    /// - Parameters:
    ///   - endsText: the text ends with the window, so that a last line needs no line feed.
    ///   - firstLine: the number of the first line, for errors; counted from 1.
    ///   - batch: receives the good lines behind what it holds.
    /// - Precondition: the header of a format that has one is read.
    /// - Returns: how many bytes and lines were read. An unfinished last line is left.
    /// - Cost: O(bytes); allocates only when the batch must grow.
    package mutating func parse(
        _ window: inout ByteWindow, from start: Int = 0, lineCountMax: Int = .max, endsText: Bool, firstLine: Int,
        into batch: inout ExampleBatch, errors: inout LineErrors
    ) -> (byteCount: Int, lineCount: Int) {
        func read<G: LineGrammar>(_ grammar: G) -> (byteCount: Int, lineCount: Int) {
            var grammar = grammar
            return maker.parse(
                &grammar, &window, from: start, lineCountMax: lineCountMax, endsText: endsText,
                firstLine: firstLine, into: &batch, errors: &errors)
        }
        switch grammar {
        case .vw(let grammar): return read(grammar)
        case .libsvm(let grammar): return read(grammar)
        case .libffm(let grammar): return read(grammar)
        case .criteo(let grammar): return read(grammar)
        case .csv(let grammar): return read(grammar)
        case .ndjson(let grammar): return read(grammar)
        case .header: preconditionFailure("the header is read first")
        }
    }
}
