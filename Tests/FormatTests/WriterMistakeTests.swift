internal import Format
internal import Testing

@Suite("A writer's mistake stops the program instead of spreading")
struct WriterMistakeTests {
    @Test("indices that do not increase")
    func order() async {
        await #expect(processExitsWith: .failure) {
            _ = delta(Rows(indices: [1, 5, 5], values: [1, 2, 3]))
        }
        await #expect(processExitsWith: .failure) {
            _ = delta(Rows(indices: [9, 5], values: [1, 2]))
        }
    }

    @Test("a value missing")
    func shapes() async {
        await #expect(processExitsWith: .failure) { _ = delta(Rows(indices: [1, 5], values: [1])) }
    }

    @Test("a delta that leads nowhere")
    func versions() async {
        await #expect(processExitsWith: .failure) {
            var bytes: [UInt8] = []
            appendRows(.delta, stamp: .sample, indices: [1].span, values: [1].span, to: &bytes)
        }
    }
}
