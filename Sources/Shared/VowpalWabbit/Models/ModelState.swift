internal import Format

/// What a model keeps of a run so that learning can go on: Vowpal Wabbit's online state, in its order.
///
/// - Source: Vowpal Wabbit's `gd.cc` (`save_load_online_state_gd`).
package struct ModelState: Sendable, Equatable {
    /// Every number of the state, in `names`' order.
    var numbers: [Double] = []

    private enum Kind { case float, double, count }
    private static let fields: [(name: String, kind: Kind)] = [
        ("initial_t", .float), ("norm normalizer", .double), ("t", .double), ("sum_loss", .double),
        ("sum_loss_since_last_dump", .double), ("dump_interval", .float), ("min_label", .float),
        ("max_label", .float), ("weighted_labeled_examples", .double), ("weighted_labels", .double),
        ("weighted_unlabeled_examples", .double), ("example_number", .count), ("total_features", .count),
        ("total_weight", .double), ("sd::oec.weighted_labeled_examples", .double), ("current_pass", .count),
        ("l1_state", .double), ("l2_state", .double),
    ]
    static var names: [String] { fields.map(\.name) }
    static let byteCount = fields.reduce(0) { $0 + ($1.kind == .float ? 4 : 8) }

    init() {}

    init(_ reader: inout FieldReader) throws(FormatError) {
        for field in Self.fields {
            switch field.kind {
            case .float: numbers.append(Double(Float(bitPattern: try reader.take())))
            case .double: numbers.append(Double(bitPattern: try reader.take()))
            case .count: numbers.append(Double(try reader.take(UInt64.self)))
            }
        }
    }

    init(_ state: RunState) {
        numbers = [
            Double(state.initialT), state.normalizedSum, state.t, state.sumOfLosses, state.sumOfLossesSinceReport,
            Double(state.nextReport), Double(state.range.min), Double(state.range.max), state.labeledWeight,
            state.weightedLabels, state.unlabeledWeight, Double(state.exampleCount), Double(state.featureCount),
            state.totalWeight, state.labeledWeightAtReport, Double(state.currentPass), state.gravity,
            state.contraction,
        ]
    }

    var bytes: [UInt8] {
        var writer = FieldWriter()
        for (field, number) in zip(Self.fields, numbers) {
            switch field.kind {
            case .float: writer.put(Float(number).bitPattern)
            case .double: writer.put(number.bitPattern)
            case .count: writer.put(UInt64(number))
            }
        }
        return writer.bytes
    }

    var text: String {
        zip(Self.fields, numbers).map { field, number in
            "\(field.name) \(field.kind == .count ? String(UInt64(number)) : shortest(number))\n"
        }.joined()
    }

    /// What l1 and l2 have put off: a weight in use is cut towards 0 by the first and multiplied with the second.
    package var regularization: (gravity: Double, contraction: Double) { (numbers[16], numbers[17]) }

    /// Goes on with it.
    func restore(_ state: inout RunState, keepsCounters: Bool) {
        (state.initialT, state.normalizedSum, state.t) = (Float(numbers[0]), numbers[1], numbers[2])
        (state.sumOfLosses, state.sumOfLossesSinceReport) = (numbers[3], numbers[4])
        if keepsCounters { state.nextReport = Float(numbers[5]) }
        state.range = (Float(numbers[6]), Float(numbers[7]))
        (state.labeledWeight, state.weightedLabels, state.unlabeledWeight) = (numbers[8], numbers[9], numbers[10])
        state.exampleCount = count(11)
        state.featureCount = count(12)
        (state.totalWeight, state.labeledWeightAtReport) = (numbers[13], numbers[14])
        state.currentPass = count(15)
        (state.gravity, state.contraction) = regularization
        if !keepsCounters { state.resetCounters() }
    }

    private func count(_ field: Int) -> UInt64 { UInt64(exactly: numbers[field].rounded()) ?? 0 }
}
