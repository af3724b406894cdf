internal import Domain
internal import Format

/// What an infer request asks, read from its JSON. Binary tensors are places in the body, JSON data places in the JSON.
struct InferRequest {
    enum InputName { case line, indices, values, offsets }
    enum DataType: String {
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
