internal import Format

extension Learner {
    /// Takes a model's weights, and goes on where it stopped.
    package mutating func load(_ model: ModelContents) throws(VWError) {
        try take(weightsOf: model)
        state.range = (model.header.minLabel, model.header.maxLabel)
        // A loss's own range stands over the header's, what a run left behind over both.
        setRangeOfLoss()
        model.state?.restore(&state, keepsCounters: options.learns && options.preservesCounters)
        limitPredictions()
        if !options.learns { settle() }
    }

    /// Takes only weights: what --feature_mask reads.
    package mutating func take(weightsOf model: ModelContents) throws(VWError) {
        guard model.header.bits == options.bits else {
            throw .file(
                path: model.path, "the model has \(model.header.bits) bits, but \(options.bits) are asked for")
        }
        try model.forEachRow(columnCount: options.savedColumnCount) { index, row in
            for (column, value) in row.enumerated() { weights[index, column] = value }
        }
    }

    private func header(isBinary: Bool) -> ModelHeader {
        var header = ModelHeader()
        header.id = options.id
        (header.minLabel, header.maxLabel) = state.range
        header.bits = options.bits
        (header.ngrams, header.skips) = (options.ngrams.sizeTexts, options.ngrams.skipTexts)
        header.options = options.keptText
        return header
    }

    /// The model in Vowpal Wabbit's binary format.
    package func modelBytes() -> [UInt8] {
        var body: [UInt8] = [options.isPredictOnly ? 0 : 1]
        if !options.isPredictOnly { body += ModelState(state).bytes }
        var writer = FieldWriter()
        forEachRow { index, row in
            writer.put(UInt32(index))
            writer.put(row, first: row.count)
        }
        body += writer.bytes
        var header = header(isBinary: true)
        header.seal = ModelHeader.Seal(of: body)
        return header.bytes + body
    }

    /// The model as Vowpal Wabbit's --readable_model has it, or with names in front, as --invert_hash.
    package func modelText(names: [Int: String]? = nil) -> String {
        var text = header(isBinary: false).text + ":\(options.isPredictOnly ? 0 : 1)\n"
        if !options.isPredictOnly { text += ModelState(state).text }
        forEachRow { index, row in
            // A predict-only model names rows without a name by an empty one.
            if let names { text += names[index].map { $0 + ":" } ?? (options.isPredictOnly ? ":" : "") }
            text += "\(index):" + row.map { shortest($0) }.joined(separator: " ") + "\n"
        }
        return text
    }

    /// Rows that are not 0 in all that is saved of them.
    private func forEachRow(_ body: (Int, [Float]) -> Void) {
        let columnCount = options.isPredictOnly ? 1 : options.savedColumnCount
        for index in 0..<weights.indexCount {
            guard (0..<columnCount).contains(where: { weights[index, $0] != 0 }) else { continue }
            body(index, (0..<columnCount).map { weights[index, $0] })
        }
    }
}
