internal import Domain
internal import Features

/// What a request to `/v1/score` asks: examples, or one context with its candidates, for one or several models.
struct ScoreRequest {
    /// Examples as they were given.
    struct Rows {
        /// Lines, each with its line feed; or tensors.
        var text = ByteWindow()
        var count = 0
        var isText = true
        var indices: [UInt32] = []
        var values: [Float] = []
        var offsets: [UInt32] = []
    }

    var models: [String] = []
    /// Examples, or candidates.
    var rows: Rows?
    var context: Rows?
    var fingerprint: Fingerprint?
    var wantsProbability = true
    var wantsMargin = false
    /// Of each example that many features with what they add to its margin.
    var explainedFeatureCount = 0

    /// Reads a request's JSON; an unknown key is a problem, so that a misspelt one is not an answer to another question.
    init(_ json: [UInt8], _ range: Range<Int>) throws(InferProblem) {
        var reader = JSONReader(json, range)
        var request = ScoreRequest(json: ())
        var (examples, candidates): (Rows?, Rows?)
        try reader.object { (reader, key) throws(InferProblem) in
            switch key {
            case "models":
                try reader.array { (reader) throws(InferProblem) in request.models.append(try reader.string()) }
            case "examples": examples = try Rows(&reader, "examples")
            case "candidates": candidates = try Rows(&reader, "candidates")
            case "context": request.context = try Rows(&reader, "context", isSingle: true)
            case "fingerprint":
                let text = try reader.string()
                guard let fingerprint = Fingerprint(hex: text) else {
                    throw InferProblem("'fingerprint': '\(text)' is not 16 hexadecimal digits")
                }
                request.fingerprint = fingerprint
            case "outputs":
                request.wantsProbability = false
                try reader.array { (reader) throws(InferProblem) in
                    switch try reader.string() {
                    case "probability": request.wantsProbability = true
                    case "margin": request.wantsMargin = true
                    case let other:
                        throw InferProblem("output '\(other)' is unknown; there are 'probability' and 'margin'")
                    }
                }
            case "explain": request.explainedFeatureCount = try reader.integer()
            default:
                throw InferProblem(
                    "'\(key.text)' is unknown; there are models, examples, context, candidates, fingerprint, outputs, explain"
                )
            }
        }
        try reader.finish()
        guard (examples == nil) != (candidates == nil) else {
            throw InferProblem("give either 'examples', or 'candidates' with a 'context'")
        }
        guard (candidates == nil) == (request.context == nil) else {
            throw InferProblem("'candidates' and 'context' want each other")
        }
        request.rows = examples ?? candidates
        try request.check()
        self = request
    }

    private init(json: Void) {}

    private func check() throws(InferProblem) {
        let rows = rows?.count ?? 0
        guard !models.isEmpty, models.count <= Limits.Predicting.scoredModelCountMax else {
            throw InferProblem(
                "'models' has \(models.count) names; 1 to \(Limits.Predicting.scoredModelCountMax) are taken")
        }
        guard rows <= Limits.Predicting.exampleCountMax, rows * models.count <= Limits.Predicting.scoreCountMax else {
            throw InferProblem(
                "\(rows) examples for \(models.count) models; at most \(Limits.Predicting.exampleCountMax) examples, "
                    + "and \(Limits.Predicting.scoreCountMax) scores of all models together")
        }
        if let context, context.isText != self.rows?.isText {
            throw InferProblem("the context and its candidates want to be both lines or both indices")
        }
        if self.rows?.isText == false && fingerprint == nil {
            throw InferProblem("indices want 'fingerprint': a model's metadata tell its own")
        }
        guard (0...Limits.Predicting.explainedFeatureCountMax).contains(explainedFeatureCount) else {
            throw InferProblem(
                "'explain' is \(explainedFeatureCount), but must be from 0 to \(Limits.Predicting.explainedFeatureCountMax) features"
            )
        }
        guard explainedFeatureCount == 0 || rows * models.count <= Limits.Predicting.explainedCountMax else {
            throw InferProblem(
                "'explain' is slow: at most \(Limits.Predicting.explainedCountMax) scores of all models together are explained"
            )
        }
    }
}

extension ScoreRequest.Rows {
    /// Reads lines (text), or an object of tensors.
    ///
    /// - Parameter isSingle: one line, not an array of them; tensors without offsets.
    init(_ reader: inout JSONReader, _ name: String, isSingle: Bool = false) throws(InferProblem) {
        var rows = Self(json: ())
        guard !reader.isAtObject() else {
            try rows.readTensors(&reader, name, isSingle)
            self = rows
            return
        }
        var lines: [UInt8] = []
        func read(_ reader: inout JSONReader) throws(InferProblem) {
            let start = lines.count
            try reader.appendString(to: &lines)
            let line = lines[start...]
            let place = isSingle ? "'\(name)'" : "'\(name)', element \(rows.count)"
            guard !line.contains(0x0A) else { throw InferProblem("\(place): a line feed inside an example") }
            guard !line.isEmpty else { throw InferProblem("\(place) is empty") }
            lines.append(0x0A)
            rows.count += 1
        }
        if isSingle {
            try read(&reader)
        } else {
            try reader.array { (reader) throws(InferProblem) in try read(&reader) }
        }
        rows.text = ByteWindow(lines)
        self = rows
    }

    private init(json: Void) {}

    private mutating func readTensors(_ reader: inout JSONReader, _ name: String, _ isSingle: Bool) throws(InferProblem)
    {
        isText = false
        var rows = self
        try reader.object { (reader, key) throws(InferProblem) in
            switch key {
            case "indices":
                try reader.array { (reader) throws(InferProblem) in
                    rows.indices.append(try reader.index("'\(name)', index \(rows.indices.count)", UInt32.max))
                }
            case "values":
                try reader.array { (reader) throws(InferProblem) in rows.values.append(Float(try reader.number())) }
            case "offsets" where !isSingle:
                try reader.array { (reader) throws(InferProblem) in
                    rows.offsets.append(try reader.index("'\(name)', offset \(rows.offsets.count)", UInt32(Int32.max)))
                }
            default:
                throw InferProblem(
                    "'\(name)': '\(key.text)' is unknown; there are indices, values\(isSingle ? "" : ", offsets")")
            }
        }
        if isSingle { rows.offsets = [0, UInt32(rows.indices.count)] }
        guard !rows.offsets.isEmpty else {
            throw InferProblem("'\(name)' wants 'offsets', one more than there are examples")
        }
        guard rows.values.isEmpty || rows.values.count == rows.indices.count else {
            throw InferProblem("'\(name)' has \(rows.values.count) values, but \(rows.indices.count) indices")
        }
        rows.count = rows.offsets.count - 1
        self = rows
    }
}

extension JSONReader {
    fileprivate mutating func index(_ place: String, _ limit: UInt32) throws(InferProblem) -> UInt32 {
        let number = try integer()
        guard number >= 0, number <= Int(limit) else { throw InferProblem("\(place): \(number) is out of range") }
        return UInt32(number)
    }
}
