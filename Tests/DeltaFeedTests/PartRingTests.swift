internal import DeltaFeed
internal import Domain
internal import TestSupport
internal import Testing

@Suite("The ring keeps the last parts, as many as fit")
struct PartRingTests {
    /// Parts of one byte each, from version `first` up to `last`, one version a part.
    private func ring(from first: UInt64 = 0, to last: UInt64, byteCountMax: Int) -> PartRing<String> {
        var ring = PartRing<String>(version: Version(first), byteCountMax: byteCountMax)
        for version in first..<last { ring.append(part(version, version + 1)) }
        return ring
    }

    private func part(_ base: UInt64, _ version: UInt64, byteCount: Int = 1) -> FeedPart<String> {
        FeedPart(base: Version(base), version: Version(version), byteCount: byteCount, bytes: "\(base)-\(version)")
    }

    /// What a lookup finds, as text.
    private func found(_ ring: PartRing<String>, _ number: UInt64) -> String {
        switch ring.part(number) {
        case .part(let part): part.bytes
        case .upToDate: "up to date"
        case .gone: "gone"
        }
    }

    @Test("an empty ring has nothing to send and stands where it began")
    func empty() {
        let ring = ring(from: 7, to: 7, byteCountMax: 10)
        #expect(ring.endNumber == 0 && ring.version == Version(7))
        #expect(found(ring, 0) == "up to date")
        #expect(ring.number(after: Version(7)) == 0)
        #expect(ring.number(after: Version(6)) == nil)
    }

    @Test("the bytes kept never pass the bound, and nothing more than needed is dropped", arguments: 1...20)
    func bounded(byteCountMax: Int) {
        let ring = ring(to: 40, byteCountMax: byteCountMax)
        let kept = (0..<ring.endNumber).filter { found(ring, $0) != "gone" }
        #expect(kept.count == byteCountMax)
        #expect(kept.last == 39)
    }

    @Test("the last part stays however large it is, and leaves with the next")
    func lastStays() {
        var ring = ring(to: 3, byteCountMax: 5)
        ring.append(part(3, 4, byteCount: 100))
        #expect((0..<4).map { found(ring, UInt64($0)) } == ["gone", "gone", "gone", "3-4"])
        #expect(ring.number(after: Version(3)) == 3)
        ring.append(part(4, 5))
        #expect(found(ring, 3) == "gone" && found(ring, 4) == "4-5")
    }

    @Test("a part keeps its number when others leave")
    func numbers() {
        let ring = ring(to: 20, byteCountMax: 4)
        #expect(ring.endNumber == 20)
        for number in UInt64(16)..<20 { #expect(found(ring, number) == "\(number)-\(number + 1)") }
        #expect(found(ring, 20) == "up to date" && found(ring, .max) == "up to date")
    }

    @Test("a follower resumes at each version the ring reaches back to; before that it needs a copy")
    func resume() {
        let ring = ring(to: 20, byteCountMax: 4)
        for version in UInt64(0)...20 {
            #expect(ring.number(after: Version(version)) == (version < 16 ? nil : version))
        }
    }

    @Test("a version inside a part, or one never published, cannot be resumed")
    func between() {
        var ring = PartRing<String>(version: .zero, byteCountMax: 100)
        ring.append(part(0, 10))
        ring.append(part(10, 30))
        #expect([0, 10, 30].map { ring.number(after: Version($0)) } == [0, 1, 2])
        for version in [5, 20, 31, UInt64.max] { #expect(ring.number(after: Version(version)) == nil) }
    }

    @Test("a heartbeat between parts is not taken for the part that leads on")
    func heartbeat() {
        var ring = PartRing<String>(version: .zero, byteCountMax: 100)
        ring.append(part(0, 10))
        ring.append(part(10, 10))
        #expect(ring.number(after: Version(10)) == 2)
        ring.append(part(10, 20))
        #expect(ring.number(after: Version(10)) == 2)
        #expect(found(ring, 1) == "10-10")
    }

    @Test("following the ring by numbers gives every part once, in order", arguments: 0..<10 as Range<UInt64>)
    func follow(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ring = PartRing<String>(version: .zero, byteCountMax: 50)
        var (version, next, position): (UInt64, UInt64, UInt64) = (0, 0, 0)
        for _ in 0..<200 {
            if Bool.random(using: &random) {
                let step = UInt64.random(in: 1...9, using: &random)
                ring.append(part(version, version + step, byteCount: Int.random(in: 0...20, using: &random)))
                version += step
            }
            guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
            while case .part(let part) = ring.part(next) {
                #expect(part.base == Version(position), "seed \(seed)")
                position = part.version.rawValue
                next += 1
            }
            if case .gone = ring.part(next) {
                #expect(ring.number(after: Version(position)) == nil, "seed \(seed)")
                (position, next) = (version, ring.endNumber)
            }
        }
    }
}
