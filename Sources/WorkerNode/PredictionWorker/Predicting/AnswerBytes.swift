internal import Domain
internal import Learning
internal import Scoring
internal import Transport

/// An infer answer as bytes: the JSON, then binary outputs in its order.
struct AnswerBytes {
    /// The JSON, then the binary outputs.
    private var bytes: [UInt8] = []
    private var probabilities: [Float] = []

    /// Of the JSON part.
    private(set) var jsonByteCount = 0
    var byteCount: Int { bytes.count }

    /// What the JSON was written for, when it tells no numbers but the age: for many requests of one millisecond that
    /// have the same words it is the same.
    private var writtenFor: (request: ReadRequest, model: ServingModel, ageMilliseconds: UInt64)?

    mutating func write(
        _ request: ReadRequest, _ body: RawSpan, _ model: ServingModel, _ margins: [Double], _ count: Int,
        ageMilliseconds: UInt64
    ) {
        let asked = request.asked
        if asked.wantsProbability {
            if probabilities.count < count {
                probabilities = Array(repeating: 0, count: max(count, 2 * probabilities.count))
            }
            Learning.probabilities(margins, count, into: &probabilities)
        }
        if let writtenFor, writtenFor.request === request, writtenFor.model === model,
            writtenFor.ageMilliseconds == ageMilliseconds
        {
            bytes.removeLast(bytes.count - jsonByteCount)
        } else {
            begin(model, ageMilliseconds: ageMilliseconds)
            if let id = asked.id { self.id(body, id) }
            outputs(asked, margins, count)
            jsonByteCount = bytes.count
            writtenFor = asked.hasTextOutput ? nil : (request, model, ageMilliseconds)
        }
        if asked.wantsProbability && asked.probabilityIsBinary { appendLittleEndian(probabilities, count, to: &bytes) }
        if asked.wantsMargin && asked.marginIsBinary { appendLittleEndian(margins, count, to: &bytes) }
    }

    /// Lets go of the model that was answered with last.
    mutating func forget() { writtenFor = nil }

    private mutating func begin(_ model: ServingModel, ageMilliseconds: UInt64) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: model.answerPrefix)
        append(number: ageMilliseconds)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Echoes the request's id, quotes included.
    private mutating func id(_ body: RawSpan, _ range: Range<Int>) {
        append(",\"id\":")
        for at in range { bytes.append(body.byte(at: at)) }
    }

    private mutating func outputs(_ request: InferRequest, _ margins: [Double], _ count: Int) {
        append(",\"outputs\":[")
        if request.wantsProbability {
            head("probability", "FP32", count)
            if request.probabilityIsBinary {
                binaryHead(4 * count)
            } else {
                append(",\"data\":[")
                for e in 0..<count {
                    if e > 0 { bytes.append(UInt8(ascii: ",")) }
                    bytes.append(contentsOf: "\(probabilities[e])".utf8)
                }
                append("]}")
            }
        }
        if request.wantsMargin {
            if request.wantsProbability { bytes.append(UInt8(ascii: ",")) }
            head("margin", "FP64", count)
            if request.marginIsBinary {
                binaryHead(8 * count)
            } else {
                append(",\"data\":[")
                for e in 0..<count {
                    if e > 0 { bytes.append(UInt8(ascii: ",")) }
                    bytes.append(contentsOf: "\(margins[e])".utf8)
                }
                append("]}")
            }
        }
        append("]}")
    }

    func move(to buffer: inout Bytes) {
        buffer.writeBytes(bytes)
    }

    private mutating func head(_ name: StaticString, _ type: StaticString, _ count: Int) {
        append("{\"name\":\"")
        append(name)
        append("\",\"datatype\":\"")
        append(type)
        append("\",\"shape\":[")
        append(number: UInt64(count))
        append(",1]")
    }

    private mutating func binaryHead(_ byteCount: Int) {
        append(",\"parameters\":{\"binary_data_size\":")
        append(number: UInt64(byteCount))
        append("}}")
    }

    private mutating func append(_ text: StaticString) { appendUTF8(text, to: &bytes) }

    private mutating func append(number: UInt64) {
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var rest = number
        var first = 20
        repeat {
            first -= 1
            digits[first] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        } while rest > 0
        for k in first..<20 { bytes.append(digits[k]) }
    }
}
