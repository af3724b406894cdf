internal import ArgumentParser
internal import Domain
internal import Features
internal import Fitting
internal import SystemPackage

/// The examples to fit to, and which of their features.
struct FitExamples: ParsableArguments {
    @Argument(help: "Examples; '-' for standard input.") var file: String
    @OptionGroup var format: FormatOption
    @Option(
        name: .customLong("feature"),
        help: ArgumentHelp(
            "A feature to fit, as namespace^name. Once for each.",
            discussion: "Without it all that have a number other than 1 in the first 100,000 lines."))
    var features: [String] = []

    private static let searchedLineCount = 100_000

    func names() throws -> [FeatureName] {
        guard features.isEmpty else {
            return try features.map { text in
                guard let name = FeatureName(text) else {
                    throw ValidationError("--feature '\(text)' names no feature; write namespace^name")
                }
                return name
            }
        }
        guard format.format == .vw else {
            throw ValidationError("features are found in Vowpal Wabbit text only: name them with --feature")
        }
        guard file != "-" else {
            throw ValidationError("standard input is read once: name the features with --feature")
        }
        var search = NumericFeatures()
        var lines = 0
        try forEachWindow { window, isLast in
            let lineFeed = UInt8(ascii: "\n")
            let text = window.bytes[..<window.byteCount]
            let end = isLast ? text.endIndex : text.lastIndex(of: lineFeed).map { $0 + 1 } ?? 0
            for line in text[..<end].split(separator: lineFeed) where lines < Self.searchedLineCount {
                search.look(at: line)
                lines += 1
            }
            window.removeFirst(end)
            return lines < Self.searchedLineCount
        }
        guard !search.found.isEmpty else {
            throw CommandFailure("\(file): no feature has a number other than 1; name some with --feature")
        }
        return search.found.sorted()
    }

    /// Hands over every good example; tells the lines that are none, and leaves them out.
    ///
    /// - Parameter body: whether its label is 1, its importance, and the numbers of the features, NaN for those it lacks.
    func forEach(
        _ names: [FeatureName], _ spec: ModelSpec,
        _ body: (_ isPositive: Bool, _ weight: Double, _ numbers: ArraySlice<Float>) -> Void
    ) throws {
        var table = try NumberTable(names, of: spec, format.format)
        var errors = LineErrors()
        var (lines, examples) = (0, 0)
        try forEachWindow { window, isLast in
            do throws(HeaderError) {
                guard let header = try table.readHeader(&window, endsText: isLast) else { return true }
                window.removeFirst(header)
                if header > 0 { lines += 1 }
            } catch { throw CommandFailure("\(file): \(error)") }
            let read = table.read(&window, endsText: isLast, firstLine: lines + 1, errors: &errors) {
                examples += 1
                body($0 == 1, Double($1), $2)
            }
            window.removeFirst(read.byteCount)
            lines += read.lineCount
            return true
        }
        for error in errors.told { report("\(file): \(error)") }
        if errors.count > 0 { report("\(file): \(errors.count) lines are left out") }
        guard examples > 0 else { throw CommandFailure("\(file): no examples") }
    }

    /// Reads the file piece by piece.
    ///
    /// - Parameter body: takes out what it has used, and says whether it wants more.
    private func forEachWindow(_ body: (inout ByteWindow, _ isLast: Bool) throws -> Bool) throws {
        let source = try ExampleFile(file)
        var window = ByteWindow()
        var isLast = false
        while !isLast {
            isLast = try source.read(1 << 20, into: &window) == 0
            guard try body(&window, isLast) else { return }
        }
    }
}
