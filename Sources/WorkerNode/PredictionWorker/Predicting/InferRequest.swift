internal import Domain
internal import Format

/// What an infer request asks, read from its JSON. Binary tensors are places in the body, JSON data places in the JSON.
struct InferRequest {
    enum InputName: Sendable { case line, indices, values, offsets }
    enum DataType: String, Sendable {
        case bytes = "BYTES"
        case uint32 = "UINT32"
        case int32 = "INT32"
        case fp32 = "FP32"
    }

    struct Input {
        var name: InputName
        var type: DataType
        /// Product of the shape.
        var count: Int
        var rank: Int
        /// Bytes in the body, behind the JSON and the inputs before; nil where the data is JSON.
        var binaryByteCount: Int?
        /// Where the JSON data begins.
        var dataPlace: Int?
    }

    var inputs: [Input] = []
    /// The request's id as it was written, quotes included.
    var id: Range<Int>?
    var wantsProbability = false
    var wantsMargin = false
    var probabilityIsBinary = false
    var marginIsBinary = false
    var fingerprint: Fingerprint?
    var minVersion: Version?
    var history: History?
    var timeout = Limits.Predicting.versionWait

    var hasBinaryOutput: Bool { wantsProbability && probabilityIsBinary || wantsMargin && marginIsBinary }
    var hasTextOutput: Bool { wantsProbability && !probabilityIsBinary || wantsMargin && !marginIsBinary }
}

/// A request's JSON, read: what it asks and, for binary CSR tensors, where they lie. Never changes, so that requests
/// with the same JSON share it.
final class ReadRequest: Sendable {
    let asked: InferRequest
    let tensors: BinaryTensors?

    init(_ asked: InferRequest, jsonByteCount: Int) {
        self.asked = asked
        tensors = BinaryTensors(asked, jsonByteCount: jsonByteCount)
    }
}

/// Where a request's CSR tensors lie in its body; of requests that need no further check of counts and shapes.
struct BinaryTensors {
    private(set) var indices = 0..<0
    /// Empty where every value is 1.
    private(set) var values = 0..<0
    private(set) var offsets = 0..<0
    /// What the body must have.
    let bodyByteCount: Int
    let exampleCount: Int

    /// Nil when a tensor is JSON, there are lines instead, or something is wrong, which `Predictor.score` then says.
    init?(_ request: InferRequest, jsonByteCount: Int) {
        var (indexCount, valueCount, offsetCount) = (Int?.none, Int?.none, Int?.none)
        var place = jsonByteCount
        for input in request.inputs {
            guard let byteCount = input.binaryByteCount else { return nil }
            let (end, overflows) = place.addingReportingOverflow(byteCount)
            guard !overflows else { return nil }
            switch input.name {
            case .line: return nil
            case .indices: (indices, indexCount) = (place..<end, input.count)
            case .values: (values, valueCount) = (place..<end, input.count)
            case .offsets: (offsets, offsetCount) = (place..<end, input.count)
            }
            place = end
        }
        guard let indexCount, let offsetCount, valueCount == nil || valueCount == indexCount, offsetCount >= 1,
            offsetCount - 1 <= Limits.Predicting.exampleCountMax
        else { return nil }
        bodyByteCount = place
        exampleCount = offsetCount - 1
    }
}

/// A request that cannot be answered: its status and a sentence.
struct InferProblem: Error {
    var status = 400
    var text: String
    init(_ text: String, status: Int = 400) {
        self.text = text
        self.status = status
    }
}
