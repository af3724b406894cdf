internal import Format

/// A model read: its header, and where its weights stand in its bytes.
package struct ModelContents: Sendable {
    package var header = ModelHeader()
    /// Whether learning can go on with it: then it has `state`, and rows have all their columns.
    package var isResumable = false
    /// Nil for a model that only predicts.
    package var state: ModelState?
    package let path: String
    private let bytes: [UInt8]
    /// Where rows begin.
    private var bodyStart = 0
    private let isReadable: Bool

    /// Reads a model, Vowpal Wabbit's own binary or readable format.
    ///
    /// - Throws: what is wrong with the file: no model, a version that is not read, damage.
    package init(path: String, bytes: [UInt8]) throws(VWError) {
        (self.path, self.bytes) = (path, bytes)
        isReadable = bytes.starts(with: "Version ".utf8)
        if isReadable {
            try readText()
        } else {
            do throws(FormatError) { try readBinary() } catch { throw problem("ends inside its header") }
            if let problem = pending { throw problem }
        }
    }

    /// What is wrong, found where only format errors can be thrown.
    private var pending: VWError?

    private func problem(_ what: String) -> VWError { .file(path: path, "the model \(what)") }

    private mutating func readBinary() throws(FormatError) {
        var fields = FieldReader(bytes, 0..<bytes.count)
        var place = 0
        var pieces: [[UInt8]] = []
        func take(_ count: Int) throws(FormatError) -> [UInt8] {
            let piece = try fields.take(count, like: 0 as UInt8)
            place += count
            pieces.append(piece)
            return piece
        }
        func number() throws(FormatError) -> UInt32 {
            try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        let versionCount = try number()
        guard (2...64).contains(versionCount) else {
            pending = .file(path: path, "is not a model of Vowpal Wabbit")
            return
        }
        let versionText = cString(try take(Int(versionCount)))
        guard isRead(versionText) else { return }
        header.version = versionText
        pieces.removeAll()
        let idCount = try number()
        guard idCount <= 512 else { return damaged("its id is \(idCount) bytes long") }
        header.id = cString(try take(Int(idCount)))
        guard try take(1) == [UInt8(ascii: "m")] else {
            pending = .file(path: path, "is not a model of Vowpal Wabbit")
            return
        }
        header.minLabel = Float(bitPattern: try number())
        header.maxLabel = Float(bitPattern: try number())
        header.bits = Int(try number())
        _ = try number()
        for isSkip in [false, true] {
            let count = try number()
            guard count <= 256 else { return damaged("it has \(count) \(isSkip ? "skips" : "ngrams")") }
            for _ in 0..<count {
                let text = cString(try take(3))
                if isSkip { header.skips.append(text) } else { header.ngrams.append(text) }
            }
        }
        let optionsCount = try number()
        guard optionsCount > 0, optionsCount <= 100 << 20 else {
            return damaged("its options are \(optionsCount) bytes long")
        }
        let options = try take(Int(optionsCount))
        header.options = cString(options)
        header.seal = ModelHeader.Seal(options.dropFirst(header.options.utf8.count + 1))
        let sum = chained(pieces)
        guard try number() == 4, try number() == sum else { return damaged("its header's checksum is wrong") }
        guard (1...31).contains(header.bits) else { return damaged("it has \(header.bits) bits") }
        bodyStart = place
        if let seal = header.seal, seal != ModelHeader.Seal(of: Array(bytes[place...])) {
            return damaged("what follows its header is not what was written")
        }
        isResumable = try take(1) == [1]
        if isResumable {
            var bytes = FieldReader(self.bytes, place + 0..<self.bytes.count)
            state = try ModelState(&bytes)
            place += ModelState.byteCount
        }
        bodyStart = place
    }

    private mutating func damaged(_ what: String) { pending = problem("is damaged: \(what)") }

    /// Whether models of a version are read; otherwise says so.
    private mutating func isRead(_ version: String) -> Bool {
        let parts = version.split(separator: ".")
        guard parts.count == 3, parts.allSatisfy({ Int($0) != nil }) else {
            pending = .file(path: path, "is not a model of Vowpal Wabbit")
            return false
        }
        guard parts[0] == "9" else {
            pending = problem("is of Vowpal Wabbit \(version); only those of version 9 are read")
            return false
        }
        return true
    }

    private func cString(_ bytes: [UInt8]) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

    private mutating func readText() throws(VWError) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        func next(_ front: String) throws(VWError) -> String {
            guard let line = lines.popFirst(), line.starts(with: front.utf8) else {
                throw problem("is damaged: no line '\(front)' where it should be")
            }
            return String(decoding: line.dropFirst(front.utf8.count), as: UTF8.self)
        }
        func float(_ front: String) throws(VWError) -> Float {
            guard let number = Float(try next(front)) else { throw problem("is damaged: '\(front)' has no number") }
            return number
        }
        let version = try next("Version ")
        guard isRead(version) else { throw pending ?? problem("is damaged") }
        header.version = version
        header.id = try next("Id").trimmed
        (header.minLabel, header.maxLabel) = (try float("Min label:"), try float("Max label:"))
        header.bits = Int(exactly: try float("bits:")) ?? 0
        guard (1...31).contains(header.bits) else { throw problem("is damaged: it has \(header.bits) bits") }
        _ = try next("lda:")
        for isSkip in [false, true] {
            let line = try next("").split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard line.count == 2, line[0].hasSuffix(isSkip ? " skip" : " ngram") else {
                throw problem("is damaged: no line of \(isSkip ? "skips" : "ngrams")")
            }
            let texts = line[1].split(separator: " ").map(String.init)
            if isSkip { header.skips = texts } else { header.ngrams = texts }
        }
        header.options = try next("options:")
        _ = try next("Checksum:")
        let resume = try next(":")
        guard resume == "0" || resume == "1" else { throw problem("is damaged: no line ':0' or ':1'") }
        isResumable = resume == "1"
        if isResumable {
            var state = ModelState()
            for name in ModelState.names {
                let text = try next(name + " ")
                guard let number = Double(text) else { throw problem("is damaged: '\(name)' has no number") }
                state.numbers.append(number)
            }
            self.state = state
        }
        bodyStart = bytes.count - lines.reduce(0) { $0 + $1.count + 1 } + 1
    }

    /// Hands over every row: its index and its first columns.
    ///
    /// - Parameter columnCount: of a model that learning can go on with; others have one.
    package func forEachRow(columnCount: Int, _ body: (Int, [Float]) -> Void) throws(VWError) {
        let columnCount = isResumable ? columnCount : 1
        if isReadable { return try forEachLine(columnCount, body) }
        // Nothing but rows follows, so that only the last can be cut.
        let rowByteCount = 4 + 4 * columnCount
        guard (bytes.count - bodyStart) % rowByteCount == 0 else { throw problem("is damaged: it ends inside a row") }
        var fields = FieldReader(bytes, bodyStart..<bytes.count)
        for _ in 0..<(bytes.count - bodyStart) / rowByteCount {
            let index: UInt32
            let row: [Float]
            do throws(FormatError) {
                index = try fields.take()
                row = try fields.take(columnCount, like: 0 as Float)
            } catch { throw problem("is damaged: it ends inside a row") }
            guard index < 1 << UInt32(header.bits) else {
                throw problem("is damaged: index \(index) is not below 2^\(header.bits)")
            }
            body(Int(index), row)
        }
    }

    /// Hands over every weight as it predicts: what regularisation has put off is done to it.
    ///
    /// - Parameter options: the model's own.
    package func forEachWeight(_ options: VWOptions, _ body: (UInt32, Float) -> Void) throws(VWError) {
        let (gravity, contraction) = state?.regularization ?? (0, 1)
        try forEachRow(columnCount: options.savedColumnCount) { index, row in
            let weight = truncated(row[0], Float(gravity)) * Float(contraction)
            if weight != 0 { body(UInt32(index), weight) }
        }
    }

    private func forEachLine(_ columnCount: Int, _ body: (Int, [Float]) -> Void) throws(VWError) {
        for line in bytes[min(bodyStart, bytes.count)...].split(separator: UInt8(ascii: "\n")) {
            // Names, which --invert_hash adds in front, may hold colons.
            let parts = String(decoding: line, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false)
            let numbers = parts.last.map { $0.split(separator: " ").compactMap { Float($0) } } ?? []
            guard parts.count >= 2, let index = Int(parts[parts.count - 2]), index >= 0, index < 1 << header.bits,
                numbers.count == columnCount
            else { throw problem("is damaged: '\(String(decoding: line.prefix(60), as: UTF8.self))' is no row") }
            body(index, numbers)
        }
    }
}

extension String {
    /// Without blanks at both ends.
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
