import ClusterSimulation
import Testing

@Suite("A damaged journal is refused or loses its last frame; `simulate journal` flips every bit")
struct JournalSweepTests {
    @Test("bits flipped all over it")
    func bits() throws {
        let counts = try JournalSweep().flipBits(stride: 97)
        #expect(counts.refused > counts.cut && counts.cut > 0)
    }

    @Test("a tail torn at each of its bytes")
    func tail() throws { #expect(try JournalSweep().tearTail() > 0) }
}
