import Domain
import Scoring
import Testing

@Suite("No index or value of a tensor gets past its check, wherever it stands")
struct TensorCheckTests {
    static let bits = 5
    let table = WeightTable(indexCount: 1 << bits)

    /// Scores one example of these features; `shift` bytes lie in front of each tensor, so that nothing is aligned.
    private func problem(_ indices: [UInt32], _ values: [Float], shift: Int) -> TensorError? {
        func bytes(_ words: [UInt32]) -> [UInt8] {
            Array(repeating: 0xff, count: shift)
                + words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
        }
        let (offsetBytes, indexBytes) = (bytes([0, UInt32(indices.count)]), bytes(indices))
        let valueBytes = bytes(values.map(\.bitPattern))
        var margins: [Double] = []
        do throws(TensorError) {
            try unsafe table.score(
                offsets: offsetBytes.span.bytes.extracting(droppingFirst: shift),
                indices: indexBytes.span.bytes.extracting(droppingFirst: shift),
                values: valueBytes.span.bytes.extracting(droppingFirst: shift), featuresMax: 4096, into: &margins)
            return nil
        } catch { return error }
    }

    @Test("an index at or above 2^bits is named by its place", arguments: [0, 1, 2, 3])
    func indices(shift: Int) {
        for count in 1...49 {
            let good = (0..<count).map { UInt32($0 % 32) }
            let ones = [Float](repeating: 1, count: count)
            #expect(problem(good, ones, shift: shift) == nil)
            for place in 0..<count {
                for index in [32, 33, 1 << 31, UInt32.max] {
                    var bad = good
                    bad[place] = index
                    #expect(
                        problem(bad, ones, shift: shift) == .indexTooLarge(at: place, index: index, limit: 32),
                        "\(count) features")
                }
            }
        }
    }

    @Test(
        "a value that is NaN, infinite or too large is named by its place; the largest is taken",
        arguments: [0, 1, 2, 3])
    func values(shift: Int) {
        let limit = Limits.Features.valueMagnitudeMax
        for count in 1...49 {
            let indices = (0..<count).map { UInt32($0 % 32) }
            for place in 0..<count {
                var values = [Float](repeating: -1, count: count)
                for value in [limit, -limit] {
                    values[place] = value
                    #expect(problem(indices, values, shift: shift) == nil)
                }
                for value in [.nan, -.nan, .infinity, -.infinity, limit.nextUp, -limit.nextUp] as [Float] {
                    values[place] = value
                    #expect(problem(indices, values, shift: shift) == .valueOutOfRange(at: place), "\(count) features")
                }
            }
        }
    }
}
