internal import Domain
internal import Features
internal import Learning
internal import ParameterServer
internal import Testing

private let anna = ModelName("anna")!
private let history = History(5)

@Suite("The clock grants places, orders what every owner has, and says what became of each batch")
struct ClockTests {
    /// A clock of two owners, and what it has decided since it was asked last.
    private struct Desk {
        var clock: Clock
        var number: UInt64 = 0

        init(commitMilliseconds: UInt64 = 0) {
            clock = Clock(
                history: history, fingerprint: Fingerprint(1), ownerCount: 2, commitMilliseconds: commitMilliseconds)
        }

        /// Offers a batch of ten examples; its id.
        mutating func offer(
            _ sequence: UInt64?, from node: Int = 0, body: UInt64 = 0, byteCount: Int = 100, digest: UInt64? = nil,
            isFollowed: Bool = false, at now: UInt64 = 0
        ) -> BatchID {
            number += 1
            var batch = ExampleBatch()
            for _ in 0..<10 { batch.append(indices: [], values: []) }
            let id = BatchID(node: node, number: number)
            let name = sequence.map { Offer.Name(trainer: anna, sequence: $0, digest: digest ?? $0) }
            var offer = BatchOffer(
                batch: id, body: body == 0 ? 1000 + number : body, name: name, byteCount: byteCount, featureCount: 0,
                examples: batch)
            offer.isFollowed = isFollowed
            clock.offered(offer, atMilliseconds: now)
            return id
        }

        mutating func arrive(_ batch: BatchID) { for owner in 0..<2 { clock.arrived(batch, at: owner) } }

        /// Learns what is ordered and makes it stable.
        mutating func learn(at now: UInt64 = 0) {
            clock.orderNext(atMilliseconds: now)
            while clock.current != nil {
                learnedOne(at: now)
                let (number, hash) = (clock.number, clock.hash)
                for owner in 0..<2 {
                    let isSame = clock.durable(number, hash: hash, at: owner, atMilliseconds: now)
                    #expect(isSame)
                }
                clock.orderNext(atMilliseconds: now)
            }
        }

        /// The batch that is ordered is learned, and a commit marked if one is due.
        mutating func learnedOne(at now: UInt64 = 0, isWanted: Bool = false) {
            clock.learned(atMilliseconds: now)
            guard clock.mustCommit(isWanted: isWanted, atMilliseconds: now) else { return }
            clock.commit(emptyHeader, atMilliseconds: now)
        }

        private var emptyHeader: CommitHeader {
            CommitHeader(
                history: history, epoch: 1, number: 0, previousHash: 0, stableNumber: 0, version: .zero,
                exampleCount: 0, acceptedLately: 0, windowMax: 8, fingerprint: Fingerprint(1), atMilliseconds: 0,
                publishedVersion: .zero, total: Validation.Sums(), window: Validation.Sums(), batches: [])
        }

        mutating func taken() -> [Clock.Effect] {
            defer { clock.effects = [] }
            return clock.effects
        }

        mutating func answers() -> [BatchID: BatchOutcome] {
            var answers: [BatchID: BatchOutcome] = [:]
            for case .answer(let batch, let outcome) in taken() { answers[batch] = outcome }
            return answers
        }
    }

    @Test("granted in sequence, whatever order batches come in; ordered in sequence, whatever order slices come in")
    func sequence() {
        var desk = Desk()
        let third = desk.offer(3)
        let second = desk.offer(2)
        let taken6 = desk.taken()
        #expect(taken6 == [])
        let first = desk.offer(1)
        let taken7 = desk.taken()
        #expect(taken7 == [.grant(first), .grant(second), .grant(third)])
        desk.arrive(third)
        desk.arrive(second)
        desk.clock.orderNext(atMilliseconds: 0)
        let taken8 = desk.taken()
        #expect(taken8 == [])
        desk.arrive(first)
        desk.learn()
        let answers = desk.answers()
        #expect(
            answers == [
                first: .learned(Version(10), history), second: .learned(Version(20), history),
                third: .learned(Version(30), history),
            ])
    }

    @Test("a batch that came early is answered after 2 s with the number expected")
    func early() {
        var desk = Desk()
        let early = desk.offer(2, at: 100)
        desk.clock.expire(atMilliseconds: 2099)
        let taken9 = desk.taken()
        #expect(taken9 == [])
        desk.clock.expire(atMilliseconds: 2100)
        let answers10 = desk.answers()
        #expect(answers10 == [early: .gap(next: 1)])
        #expect(!desk.clock.isWaiting)
    }

    @Test("an intake has places for so many bytes; the next waits until one is ordered, another intake does not")
    func places() {
        var desk = Desk()
        let half = Limits.Group.grantedByteCountMax / 2
        let (a, b) = (desk.offer(nil, byteCount: half), desk.offer(nil, byteCount: half))
        let waiting = desk.offer(nil, byteCount: 1)
        let elsewhere = desk.offer(nil, from: 1, byteCount: half)
        let taken11 = desk.taken()
        #expect(taken11 == [.grant(a), .grant(b), .grant(elsewhere)])
        #expect(desk.clock.isWithoutGrant(waiting))
        desk.arrive(b)
        desk.clock.orderNext(atMilliseconds: 0)
        let taken12 = desk.taken()
        #expect(taken12 == [.order(b), .grant(waiting)])
    }

    @Test("a retry waits for the batch it repeats, and is a duplicate when that is stable, not before")
    func duplicate() {
        var desk = Desk()
        let first = desk.offer(1)
        desk.arrive(first)
        desk.clock.orderNext(atMilliseconds: 0)
        let retry = desk.offer(1, from: 1)
        desk.learnedOne()
        let other = desk.offer(1, from: 1)
        let answers13 = desk.answers()
        #expect(answers13.isEmpty)
        let told1 = desk.clock.durable(1, hash: desk.clock.hash, at: 0, atMilliseconds: 0)
        #expect(told1)
        let answers14 = desk.answers()
        #expect(answers14.isEmpty)
        let told2 = desk.clock.durable(1, hash: desk.clock.hash, at: 1, atMilliseconds: 0)
        #expect(told2)
        let duplicate = BatchOutcome.duplicate(Version(10), history)
        let answers15 = desk.answers()
        #expect(answers15 == [first: .learned(Version(10), history), retry: duplicate, other: duplicate])
    }

    @Test("a batch whose slices do not come gives way to its retry after 2 s, and so do those behind it")
    func stalled() {
        var desk = Desk()
        let (stalled, behind) = (desk.offer(1), desk.offer(2))
        let retry = desk.offer(1, from: 1, at: 500)
        let taken16 = desk.taken()
        #expect(taken16 == [.grant(stalled), .grant(behind)])
        desk.clock.expire(atMilliseconds: 2499)
        let taken17 = desk.taken()
        #expect(taken17 == [])
        desk.clock.expire(atMilliseconds: 2500)
        let effects = desk.taken()
        #expect(effects.contains(.drop(stalled)) && effects.contains(.drop(behind)) && effects.contains(.grant(retry)))
        #expect(effects.contains(.answer(behind, .gap(next: 1))))
        desk.clock.arrived(stalled, at: 0)
        let taken18 = desk.taken()
        #expect(taken18 == [.drop(stalled)])
    }

    @Test("an intake that dies takes what is not ordered with it; what is ordered is learned")
    func lostIntake() {
        var desk = Desk()
        let (ordered, granted) = (desk.offer(1), desk.offer(2))
        desk.arrive(ordered)
        desk.clock.orderNext(atMilliseconds: 0)
        _ = desk.taken()
        desk.clock.lostIntake(0)
        let taken19 = desk.taken()
        #expect(taken19 == [.drop(granted)])
        #expect(desk.clock.expected(of: anna) == 2)
        let again = desk.offer(2, from: 1)
        desk.arrive(again)
        desk.learn()
        desk.learn()
        #expect(desk.clock.version == Version(20))
    }

    @Test("behind a batch that is not taken nothing of its body is, also what comes later")
    func body() {
        var desk = Desk()
        let first = desk.offer(1, body: 7)
        let third = desk.offer(3, body: 7)
        desk.arrive(first)
        desk.learn()
        desk.clock.expire(atMilliseconds: 2000)
        let answers20 = desk.answers()
        #expect(answers20[third] == .gap(next: 2))
        let fourth = desk.offer(4, body: 7, at: 2000)
        guard case .refused = desk.answers()[fourth] else {
            Issue.record("taken behind a gap")
            return
        }
        let other = desk.offer(2, body: 8, at: 2000)
        let taken21 = desk.taken()
        #expect(taken21 == [.grant(other)])
    }

    @Test("headers are chained, and an owner with another is found out")
    func headers() {
        var desk = Desk()
        var previous: UInt64 = 0
        for sequence in 1...3 as ClosedRange<UInt64> {
            let batch = desk.offer(sequence)
            desk.arrive(batch)
            desk.learn()
            for case .commit(let header) in desk.taken() {
                #expect(header.previousHash == previous && header.number == sequence)
                #expect(header.version == Version(10 * sequence) && header.stableNumber == sequence - 1)
                previous = header.hash
            }
        }
        let batch = desk.offer(4)
        desk.arrive(batch)
        desk.clock.orderNext(atMilliseconds: 0)
        desk.learnedOne()
        let told3 = desk.clock.durable(4, hash: previous, at: 1, atMilliseconds: 0)
        #expect(!told3)
    }

    @Test("at most two commits wait for owners; then as much is learned as may be, and no more")
    func unstable() {
        var desk = Desk(commitMilliseconds: 5)
        for _ in 0..<8 {
            let batch = desk.offer(nil)
            desk.arrive(batch)
        }
        // Marked 10 ms after the one before at the latest; the disks are silent.
        for now in [10, 20, 22] as [UInt64] {
            desk.clock.orderNext(atMilliseconds: now)
            desk.learnedOne(at: now)
        }
        #expect(desk.clock.number == 2 && desk.clock.version == Version(20) && desk.clock.position == Version(30))
        desk.clock.orderNext(atMilliseconds: 30)
        #expect(desk.clock.current == nil, "10 ms have been learned and not committed")
        let (number, hash) = (desk.clock.number, desk.clock.hash)
        for owner in 0..<2 {
            let isSame = desk.clock.durable(number, hash: hash, at: owner, atMilliseconds: 30)
            #expect(isSame)
        }
        #expect(desk.clock.stableNumber == 2)
        #expect(desk.clock.mustCommit(isWanted: false, atMilliseconds: 30))
        desk.clock.orderNext(atMilliseconds: 30)
        #expect(desk.clock.current != nil)
    }

    @Test("a commit falls when nothing more waits, when one is wanted, or some milliseconds after the last")
    func commits() {
        var desk = Desk(commitMilliseconds: 5)
        func batches() -> [Int] {
            desk.taken().compactMap { if case .commit(let header) = $0 { header.batches.count } else { nil } }
        }
        for _ in 0..<5 {
            let batch = desk.offer(nil)
            desk.arrive(batch)
        }
        desk.clock.orderNext(atMilliseconds: 1)
        desk.learnedOne(at: 1)
        #expect(batches() == [] && desk.clock.isBetweenCommits)
        desk.clock.orderNext(atMilliseconds: 1)
        desk.learnedOne(at: 1, isWanted: true)
        #expect(batches() == [2] && desk.clock.version == Version(20))
        desk.clock.orderNext(atMilliseconds: 5)
        desk.learnedOne(at: 5)
        #expect(batches() == [], "the one before is on its way to the disks")
        desk.clock.orderNext(atMilliseconds: 11)
        desk.learnedOne(at: 11)
        #expect(batches() == [2])
        for owner in 0..<2 {
            let isSame = desk.clock.durable(2, hash: desk.clock.hash, at: owner, atMilliseconds: 12)
            #expect(isSame)
        }
        desk.clock.orderNext(atMilliseconds: 12)
        desk.learnedOne(at: 12)
        #expect(batches() == [1] && desk.clock.version == Version(50))
    }

    @Test("a commit grows some milliseconds for a trainer that sends on without an answer, and is due by itself then")
    func streaming() {
        var desk = Desk(commitMilliseconds: 5)
        for _ in 0..<3 {
            let batch = desk.offer(nil, body: 7, isFollowed: true)
            desk.arrive(batch)
        }
        for now in [1, 2, 3] as [UInt64] {
            desk.clock.orderNext(atMilliseconds: now)
            desk.learnedOne(at: now)
        }
        #expect(desk.clock.number == 0 && desk.clock.commitDueMilliseconds == 5)
        #expect(!desk.clock.mustCommit(isWanted: false, atMilliseconds: 4))
        #expect(desk.clock.mustCommit(isWanted: false, atMilliseconds: 5))
    }

    @Test("a restarted clock knows the trainers' marks and the batches of the last commits from their headers")
    func replay() {
        var before = Desk()
        for sequence in 1...3 as ClosedRange<UInt64> {
            let batch = before.offer(sequence)
            before.arrive(batch)
            before.learn()
        }
        let unnamed = before.offer(nil)
        before.arrive(unnamed)
        before.learn()
        var after = Desk()
        for case .commit(let header) in before.taken() { after.clock.replay(header) }
        after.clock.beginEpoch()
        #expect(after.clock.number == 4 && after.clock.version == Version(40) && after.clock.stableNumber == 4)
        #expect(after.clock.hash == before.clock.hash)
        #expect(after.clock.marks.next(of: anna) == 4)
        let again = after.offer(3, from: 1)
        #expect(after.answers() == [again: .duplicate(Version(30), history)])
        let wrong = after.offer(3, from: 1, digest: 99)
        #expect(after.answers() == [wrong: .conflict])
        // Without a name it is known by what its intake calls it.
        after.number = 3
        let offeredAgain = after.offer(nil)
        #expect(offeredAgain == unnamed)
        #expect(after.answers() == [unnamed: .learned(Version(40), history)])
    }
}
