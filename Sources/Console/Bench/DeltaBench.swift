internal import ArgumentParser
internal import Domain
internal import Format

/// Bytes of a delta for each weight that changed.
struct DeltaBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "delta", abstract: "Encode deltas of random rows.")

    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits = 22
    @Option(help: "Share of the rows that changed.") var touched = 0.01
    @Flag(help: "One line of JSON.") var json = false

    func run() async throws {
        var random = SplitMix64(state: 7)
        var indices: [UInt32] = []
        for index in 0..<UInt32(1 << bits) where random.unit() < touched { indices.append(index) }
        let values = indices.map { _ in Float(random.unit() - 0.5) }
        let stamp = RecordStamp(
            history: History(1), baseVersion: Version(0), version: Version(1), watermarkMilliseconds: 0,
            fingerprint: Fingerprint(1))
        var bytes: [UInt8] = []
        let start = ContinuousClock.now
        appendRows(.delta, stamp: stamp, indices: indices.span, values: values.span, to: &bytes)
        let seconds = (ContinuousClock.now - start).seconds
        let perRow = Double(bytes.count) / Double(max(indices.count, 1))
        print(
            json
                ? "{\"bytes_per_weight\":\(perRow),\"rows\":\(indices.count),\"rows_per_second\":\(Int(Double(indices.count) / seconds))}"
                : "\(fixed(perRow, 3)) bytes a row of \(indices.count) rows")
    }
}
