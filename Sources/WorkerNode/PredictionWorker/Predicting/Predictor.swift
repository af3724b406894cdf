internal import Domain
internal import Features
internal import Format
internal import Learning
internal import Scoring
internal import Transport

/// Scores requests on one event loop, in memory that serves again for the next.
struct Predictor {
    private var json = ByteWindow()
    private var text = ByteWindow()
    private var scorer: (fingerprint: Fingerprint, scorer: PlanScorer)?
    private var margins: [Double] = []
    private var answer = AnswerBytes()
    /// The last JSON that described only binary tensors: clients send the same words again and again.
    private var lastHeader: [UInt8] = []
    private var lastRequest: ReadRequest?

    /// Reads a request's JSON.
    ///
    /// - Parameter jsonByteCount: how much of the body is JSON; binary tensors follow.
    mutating func read(_ body: RawSpan, jsonByteCount: Int) throws(InferProblem) -> ReadRequest {
        let header = body.extracting(first: jsonByteCount)
        if let lastRequest, header.hasSameBytes(as: lastHeader) { return lastRequest }
        json.removeAll()
        json.append(header)
        let request = ReadRequest(try InferRequest(json.bytes, 0..<jsonByteCount), jsonByteCount: jsonByteCount)
        if request.asked.inputs.allSatisfy({ $0.binaryByteCount != nil }) && jsonByteCount <= 4096 {
            lastHeader = Array(json.bytes[..<jsonByteCount])
            lastRequest = request
        }
        return request
    }

    /// Scores a request with `model`.
    ///
    /// - Returns: E; the margins are kept for `write`.
    mutating func score(
        _ request: ReadRequest, _ body: RawSpan, jsonByteCount: Int, _ model: ServingModel
    ) throws(InferProblem) -> Int {
        guard let tensors = request.tensors, tensors.bodyByteCount == body.byteCount,
            request.asked.fingerprint == model.fingerprint
        else { return try scoreOther(request.asked, body, jsonByteCount: jsonByteCount, model) }
        do throws(TensorError) {
            try model.table.score(
                offsets: body.extracting(tensors.offsets), indices: body.extracting(tensors.indices),
                values: body.extracting(tensors.values), featuresMax: Limits.Features.perExampleMax, into: &margins)
        } catch {
            throw InferProblem(error.sentence)
        }
        return tensors.exampleCount
    }

    /// Scores lines and JSON tensors; finds what is wrong with binary ones.
    private mutating func scoreOther(
        _ request: InferRequest, _ body: RawSpan, jsonByteCount: Int, _ model: ServingModel
    ) throws(InferProblem) -> Int {
        var place = jsonByteCount
        var line: InferRequest.Input?
        var tensors = (indices: Range<Int>?.none, values: Range<Int>?.none, offsets: Range<Int>?.none)
        var given = (
            indices: InferRequest.Input?.none, values: InferRequest.Input?.none, offsets: InferRequest.Input?.none
        )
        var lineBytes = 0..<0
        for input in request.inputs {
            let byteCount = input.binaryByteCount ?? 0
            guard byteCount <= body.byteCount - place else {
                throw InferProblem(
                    "the body ends before its tensors do: \(byteCount) bytes expected, \(body.byteCount - place) there")
            }
            let bytes = place..<place + byteCount
            place = bytes.upperBound
            switch input.name {
            case .line: (line, lineBytes) = (input, bytes)
            case .indices: (given.indices, tensors.indices) = (input, bytes)
            case .values: (given.values, tensors.values) = (input, bytes)
            case .offsets: (given.offsets, tensors.offsets) = (input, bytes)
            }
        }
        guard place == body.byteCount else {
            throw InferProblem("the body has \(body.byteCount - place) bytes behind its tensors")
        }
        if let line {
            guard given.indices == nil, given.values == nil, given.offsets == nil else {
                throw InferProblem("give either 'line' or the CSR tensors, not both")
            }
            return try scoreLines(line, body.extracting(lineBytes), model)
        }
        guard let indices = given.indices, let offsets = given.offsets else {
            throw InferProblem("inputs wanted: 'line', or 'indices' and 'offsets' (and 'values')")
        }
        guard let fingerprint = request.fingerprint else {
            throw InferProblem(
                "indices want the request parameter 'fingerprint': \"\(model.fingerprint)\" is this model's")
        }
        guard fingerprint == model.fingerprint else {
            throw InferProblem(
                "the indices' fingerprint is \(fingerprint), this model's is \(model.fingerprint): "
                    + "they were hashed by another plan")
        }
        guard offsets.count >= 1, offsets.count - 1 <= Limits.Predicting.exampleCountMax else {
            throw InferProblem("'offsets' wants 1 to \(Limits.Predicting.exampleCountMax + 1) numbers")
        }
        if let values = given.values, values.count != indices.count {
            throw InferProblem("'values' has \(values.count) numbers, but 'indices' has \(indices.count)")
        }
        do throws(TensorError) {
            let tensors = try readTensors(
                given.indices, given.values, given.offsets, tensors.indices, tensors.values, tensors.offsets, body)
            try model.table.score(
                offsets: tensors.offsets, indices: tensors.indices, values: tensors.values,
                featuresMax: Limits.Features.perExampleMax, into: &margins)
        } catch {
            throw InferProblem(error.sentence)
        }
        return offsets.count - 1
    }

    /// The answer of the request scored last, in memory of `exchange`; how much of it is JSON.
    mutating func answer(
        _ request: ReadRequest, body: RawSpan, _ model: ServingModel, count: Int, now: UInt64, on exchange: Exchange
    ) -> (bytes: Bytes, jsonByteCount: Int) {
        answer.write(request, body, model, margins, count, ageMilliseconds: model.ageMilliseconds(now: now))
        var buffer = exchange.allocateBody(answer.byteCount)
        answer.move(to: &buffer)
        return (buffer, answer.jsonByteCount)
    }

    /// Lets go of models that are served no more.
    mutating func modelsChanged() { answer.forget() }

    // MARK: text

    private mutating func scoreLines(
        _ input: InferRequest.Input, _ tensor: RawSpan, _ model: ServingModel
    ) throws(InferProblem) -> Int {
        guard input.count <= Limits.Predicting.exampleCountMax else {
            throw InferProblem("'line' has \(input.count) elements; at most \(Limits.Predicting.exampleCountMax)")
        }
        text.removeAll()
        var count = 0
        if let place = input.dataPlace {
            var reader = JSONReader(json.bytes, place..<json.byteCount)
            var line: [UInt8] = []
            var lines: [UInt8] = []
            try reader.array { (reader) throws(InferProblem) in
                try reader.flatArray { (reader) throws(InferProblem) in
                    line.removeAll(keepingCapacity: true)
                    try reader.appendString(to: &line)
                    try Self.check(line.span.contains(0x0a), line.isEmpty, count)
                    line.append(0x0a)
                    lines += line
                    count += 1
                }
            }
            text.append(lines)
        } else {
            var at = 0
            while at < tensor.byteCount {
                guard at + 4 <= tensor.byteCount else { throw InferProblem("'line': an element's length is cut off") }
                let length = Int(tensor.word32(at: at))
                guard length <= tensor.byteCount - at - 4 else {
                    throw InferProblem("'line': element \(count) ends behind the tensor")
                }
                let element = tensor.extracting(at + 4..<at + 4 + length)
                try Self.check(element.contains(0x0a), element.isEmpty, count)
                text.append(element)
                text.appendLineFeed()
                at += 4 + length
                count += 1
            }
        }
        guard count == input.count else {
            throw InferProblem("'line' has \(count) elements, but its shape says \(input.count)")
        }
        if scorer?.fingerprint != model.fingerprint { scorer = (model.fingerprint, PlanScorer(model.plan)) }
        do throws(PlanScorer.Problem) { try scorer?.scorer.read(&text, count: count) } catch {
            guard case .line(let error) = error else { throw InferProblem("'line' has an element that is no example") }
            throw InferProblem("'line', element \(error.line), column \(error.column): \(error.reason.rawValue)")
        }
        scorer?.scorer.score(model.table, into: &margins)
        return count
    }

    private static func check(_ hasLineFeed: Bool, _ isEmpty: Bool, _ element: Int) throws(InferProblem) {
        if hasLineFeed { throw InferProblem("'line', element \(element): a line feed inside an example") }
        if isEmpty { throw InferProblem("'line', element \(element) is empty") }
    }

    // MARK: JSON tensors

    private func readTensors(
        _ indexInput: InferRequest.Input?, _ valueInput: InferRequest.Input?, _ offsetInput: InferRequest.Input?,
        _ indexBytes: Range<Int>?, _ valueBytes: Range<Int>?, _ offsetBytes: Range<Int>?, _ body: RawSpan
    ) throws(TensorError) -> (indices: [UInt32], values: [Float], offsets: [UInt32]) {
        let json = json
        func numbers(
            _ input: InferRequest.Input?, _ bytes: Range<Int>?, _ name: String, _ range: ClosedRange<Int>,
            _ take: (UInt32) -> Void
        ) throws(TensorError) {
            guard let input else { return }
            guard let place = input.dataPlace else {
                for at in stride(from: bytes?.lowerBound ?? 0, to: bytes?.upperBound ?? 0, by: 4) {
                    take(body.word32(at: at))
                }
                return
            }
            var count = 0
            var reader = JSONReader(json.bytes, place..<json.byteCount)
            do throws(InferProblem) {
                try reader.array { (reader) throws(InferProblem) in
                    try reader.flatArray { (reader) throws(InferProblem) in
                        if name == "values" {
                            take(Float(try reader.number()).bitPattern)
                        } else {
                            let number = try reader.integer()
                            guard range.contains(number) else {
                                throw InferProblem("'\(name)', element \(count): \(number) is out of range")
                            }
                            take(UInt32(truncatingIfNeeded: number))
                        }
                        count += 1
                    }
                }
            } catch { throw .unreadable(error.text) }
            guard count == input.count else {
                throw .unreadable("'\(name)' has \(count) elements, but its shape says \(input.count)")
            }
        }
        var (indices, values, offsets): ([UInt32], [Float], [UInt32]) = ([], [], [])
        try numbers(indexInput, indexBytes, "indices", 0...Int(UInt32.max)) { indices.append($0) }
        try numbers(valueInput, valueBytes, "values", 0...0) { values.append(Float(bitPattern: $0)) }
        try numbers(offsetInput, offsetBytes, "offsets", 0...Int(Int32.max)) { offsets.append($0) }
        return (indices, values, offsets)
    }
}
