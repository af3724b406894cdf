internal import Domain
internal import Format

extension InferRequest {
    /// Reads the JSON of an infer request. Unknown keys and parameters are ignored, as the protocol asks.
    ///
    /// - Source: Open Inference Protocol V2 with Triton's binary tensor extension.
    init(_ json: [UInt8], _ range: Range<Int>) throws(InferProblem) {
        var reader = JSONReader(json, range)
        var outputsAreBinary = false
        var listsOutputs = false
        var request = InferRequest(json: ())
        try reader.object { (reader, key) throws(InferProblem) in
            switch key {
            case "inputs":
                try reader.array { (reader) throws(InferProblem) in
                    let input = try Input(&reader)
                    guard !request.inputs.contains(where: { $0.name == input.name }) else {
                        throw InferProblem("input '\(input.name)' is given twice")
                    }
                    request.inputs.append(input)
                }
            case "outputs":
                listsOutputs = true
                try reader.array { (reader) throws(InferProblem) in try request.readOutput(&reader) }
            case "parameters":
                try reader.object { (reader, key) throws(InferProblem) in
                    try request.readParameter(&reader, key, &outputsAreBinary)
                }
            case "id":
                let text = try reader.rawString()
                if !text.isEmpty { request.id = text.lowerBound - 1..<text.upperBound + 1 }
            default: try reader.skip()
            }
        }
        try reader.finish()
        if !listsOutputs { request.wantsProbability = true }
        if outputsAreBinary {
            request.probabilityIsBinary = true
            request.marginIsBinary = true
        }
        self = request
    }

    private init(json: Void) {}

    private mutating func readOutput(_ reader: inout JSONReader) throws(InferProblem) {
        var name = ""
        var isBinary = false
        try reader.object { (reader, key) throws(InferProblem) in
            switch key {
            case "name": name = try reader.string()
            case "parameters":
                try reader.object { (reader, key) throws(InferProblem) in
                    if case "binary_data" = key { isBinary = try reader.boolean() } else { try reader.skip() }
                }
            default: try reader.skip()
            }
        }
        switch name {
        case "probability": (wantsProbability, probabilityIsBinary) = (true, isBinary)
        case "margin": (wantsMargin, marginIsBinary) = (true, isBinary)
        default: throw InferProblem("output '\(name)' is unknown; there are 'probability' and 'margin'")
        }
    }

    private mutating func readParameter(
        _ reader: inout JSONReader, _ key: JSONKey, _ outputsAreBinary: inout Bool
    ) throws(InferProblem) {
        switch key {
        case "binary_data_output": outputsAreBinary = try reader.boolean()
        case "fingerprint":
            let text = try reader.string()
            guard let fingerprint = Fingerprint(hex: text) else {
                throw InferProblem("parameter 'fingerprint': '\(text)' is not 16 hexadecimal digits")
            }
            self.fingerprint = fingerprint
        case "min_version":
            let number = try reader.integer()
            guard number >= 0 else { throw InferProblem("parameter 'min_version' is below 0") }
            minVersion = Version(UInt64(number))
        case "history":
            let text = try reader.string()
            guard let history = History(hex: text) else {
                throw InferProblem("parameter 'history': '\(text)' is not 16 hexadecimal digits")
            }
            self.history = history
        case "timeout":
            let microseconds = try reader.integer()
            guard microseconds >= 0 else { throw InferProblem("parameter 'timeout' is below 0") }
            timeout = min(.microseconds(microseconds), Limits.Predicting.versionWaitMax)
        default: try reader.skip()
        }
    }
}

extension InferRequest.Input {
    fileprivate init(_ reader: inout JSONReader) throws(InferProblem) {
        var (name, type) = ("", "")
        var (count, rank) = (1, 0)
        var binaryByteCount: Int?
        var dataPlace: Int?
        try reader.object { (reader, key) throws(InferProblem) in
            switch key {
            case "name": name = try reader.string()
            case "datatype": type = try reader.string()
            case "shape":
                try reader.array { (reader) throws(InferProblem) in
                    let extent = try reader.integer()
                    let (product, overflows) = count.multipliedReportingOverflow(by: extent)
                    guard extent >= 0, !overflows else { throw InferProblem("input '\(name)': the shape is wrong") }
                    count = product
                    rank += 1
                }
            case "parameters":
                try reader.object { (reader, key) throws(InferProblem) in
                    if case "binary_data_size" = key {
                        binaryByteCount = try reader.integer()
                    } else {
                        try reader.skip()
                    }
                }
            case "data":
                dataPlace = reader.place
                try reader.skip()
            default: try reader.skip()
            }
        }
        let wanted: InferRequest.DataType
        let ranks: ClosedRange<Int>
        switch name {
        case "line": (self.name, wanted, ranks) = (.line, .bytes, 1...2)
        case "indices": (self.name, wanted, ranks) = (.indices, .uint32, 1...1)
        case "values": (self.name, wanted, ranks) = (.values, .fp32, 1...1)
        case "offsets": (self.name, wanted, ranks) = (.offsets, .int32, 1...1)
        default:
            throw InferProblem("input '\(name)' is unknown; there are 'line', or 'indices', 'values' and 'offsets'")
        }
        guard type == wanted.rawValue else {
            throw InferProblem("input '\(name)' has datatype '\(type)', but must have \(wanted.rawValue)")
        }
        guard ranks.contains(rank) else {
            throw InferProblem("input '\(name)' has a shape of \(rank) numbers, but must have \(ranks.lowerBound)")
        }
        guard (binaryByteCount == nil) != (dataPlace == nil) else {
            throw InferProblem("input '\(name)' wants either 'data' or the parameter 'binary_data_size'")
        }
        if let binaryByteCount {
            guard binaryByteCount >= 0 else { throw InferProblem("input '\(name)': binary_data_size is below 0") }
            // Divided, not multiplied: the shape may say any number.
            if wanted != .bytes, binaryByteCount % 4 != 0 || binaryByteCount / 4 != count {
                throw InferProblem(
                    "input '\(name)': binary_data_size is \(binaryByteCount), but the shape needs 4 times \(count)")
            }
        }
        (self.type, self.count, self.rank) = (wanted, count, rank)
        (self.binaryByteCount, self.dataPlace) = (binaryByteCount, dataPlace)
    }
}
