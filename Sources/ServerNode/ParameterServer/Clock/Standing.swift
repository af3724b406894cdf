package import Domain
package import Format

/// What operators have made of a model since it was created: its learner's rates, and whether it learns.
///
/// Every header says it, so that every owner and every disk knows.
package struct Standing: Sendable, Equatable {
    /// The rule is the spec's; its rates may have been changed.
    package var learner: ModelSpec.Learner
    /// Nothing is learned until the model is thawed.
    package var isFrozen = false

    package init(_ learner: ModelSpec.Learner = ModelSpec().learner) { self.learner = learner }

    private enum Rule: UInt8 {
        case ftrl = 0
        case adagrad
        case nag
    }

    /// The rule, four rates, and whether the model is frozen.
    package func write(to writer: inout FieldWriter) {
        switch learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            for rate in [alpha, beta, l1, l2] { writer.put(rate.bitPattern) }
            writer.put(Rule.ftrl.rawValue)
        case .adagrad(let rate):
            for rate in [rate, 0, 0, 0] { writer.put(rate.bitPattern) }
            writer.put(Rule.adagrad.rawValue)
        case .nag(let rate):
            for rate in [rate, 0, 0, 0] { writer.put(rate.bitPattern) }
            writer.put(Rule.nag.rawValue)
        }
        writer.put(UInt8(0))
        writer.put(UInt16(0))
        writer.put(isFrozen)
    }

    package init(from reader: inout FieldReader) throws(FormatError) {
        var rates: [Float] = []
        for _ in 0..<4 { rates.append(Float(bitPattern: try reader.take())) }
        guard rates.allSatisfy({ $0.isFinite && $0 >= 0 }), rates[0] > 0 else {
            throw .corrupt(what: "a learner's rate is none")
        }
        switch Rule(rawValue: try reader.take()) {
        case .ftrl: learner = .ftrl(alpha: rates[0], beta: rates[1], l1: rates[2], l2: rates[3])
        case .adagrad: learner = .adagrad(rate: rates[0])
        case .nag: learner = .nag(rate: rates[0])
        case nil: throw .unsupported(what: "a learner's rule")
        }
        guard try reader.take(UInt8.self) == 0, try reader.take(UInt16.self) == 0 else {
            throw .corrupt(what: "a reserved byte is not zero")
        }
        isFrozen = try reader.takeFlag()
    }
}
