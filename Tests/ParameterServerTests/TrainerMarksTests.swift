internal import Domain
internal import ParameterServer
internal import Testing

private let anna = ModelName("anna")!
private let bert = ModelName("bert")!

@Suite("A trainer's mark lets each batch of a named trainer be learned once, in order")
struct TrainerMarksTests {
    /// Marks that learned `count` batches of anna's; batch s has digest 1000 + s and ended at version 10 · s.
    private func marks(count: UInt64) -> TrainerMarks {
        var marks = TrainerMarks()
        for sequence in 1..<(count + 1) {
            #expect(marks.offered(by: anna, sequence, digest: 1000 + sequence, atMilliseconds: sequence) == .next)
            marks.ordered(
                by: anna, digest: 1000 + sequence, version: Version(10 * sequence), atMilliseconds: sequence)
        }
        return marks
    }

    private func answer(_ count: UInt64, _ sequence: UInt64, digest: UInt64? = nil) -> TrainerMarks.Answer {
        var marks = marks(count: count)
        return marks.offered(by: anna, sequence, digest: digest ?? 1000 + sequence, atMilliseconds: 500)
    }

    @Test("an unknown trainer begins with sequence 1")
    func first() {
        #expect(answer(0, 1) == .next)
        for sequence: UInt64 in [2, 65] { #expect(answer(0, sequence) == .early) }
        for sequence in [66, UInt64(Int64.max)] { #expect(answer(0, sequence) == .gap(next: 1)) }
    }

    @Test(
        "a batch learned before is answered with its version, whichever of the last 64",
        arguments: [1, 63, 64, 65, 200])
    func duplicate(count: UInt64) {
        for sequence in (count > 64 ? count - 63 : 1)...count {
            #expect(answer(count, sequence) == .duplicate(Version(10 * sequence)))
        }
    }

    @Test("a number learned with other bytes is a conflict", arguments: [1, 63, 64, 65, 200])
    func otherBytes(count: UInt64) {
        for sequence in (count > 64 ? count - 63 : 1)...count {
            #expect(answer(count, sequence, digest: 7) == .conflict)
        }
    }

    @Test("what is older than the last 64 is a conflict, also with the same bytes; so is 0")
    func tooOld() {
        for sequence in UInt64(1)...36 { #expect(answer(100, sequence) == .conflict) }
        #expect(answer(100, 37) == .duplicate(Version(370)))
        for count in [UInt64(1), 64, 100] { #expect(answer(count, 0, digest: 0) == .conflict) }
    }

    @Test("up to 64 ahead waits; further is a gap that tells the number expected")
    func ahead() {
        #expect(answer(5, 6) == .next)
        #expect(answer(5, 7) == .early)
        #expect(answer(5, 6 + 64) == .early)
        #expect(answer(5, 6 + 65) == .gap(next: 6))
        #expect(answer(5, UInt64(Int64.max)) == .gap(next: 6))
    }

    @Test("asking changes nothing: only what was ordered counts")
    func asking() {
        var marks = marks(count: 3)
        for sequence in [4, 4, 9, 2, 80] as [UInt64] {
            _ = marks.offered(by: anna, sequence, digest: 1, atMilliseconds: 9)
        }
        #expect(marks.next(of: anna) == 4 && marks.next(of: bert) == 1)
    }

    @Test("trainers do not know of each other")
    func apart() {
        var marks = marks(count: 3)
        #expect(marks.offered(by: bert, 1, digest: 5, atMilliseconds: 9) == .next)
        marks.ordered(by: bert, digest: 5, version: Version(99), atMilliseconds: 9)
        #expect(marks.offered(by: bert, 1, digest: 5, atMilliseconds: 9) == .duplicate(Version(99)))
        #expect(marks.next(of: anna) == 4 && marks.next(of: bert) == 2)
    }

    @Test("100,000 names are remembered; a further one waits until one of them was silent for 7 days")
    func horizon() {
        var marks = TrainerMarks()
        let horizon: UInt64 = 7 * 86_400_000
        for number in 0..<100_000 as Range<UInt64> {
            marks.ordered(by: ModelName("t\(number)")!, digest: 0, version: .zero, atMilliseconds: 1000 + number % 2)
        }
        #expect(marks.offered(by: anna, 1, digest: 1, atMilliseconds: 999 + horizon) == .tooManyTrainers)
        #expect(marks.trainers.count == 100_000)
        #expect(marks.offered(by: ModelName("t1")!, 2, digest: 1, atMilliseconds: 1000) == .next)
        #expect(marks.offered(by: anna, 1, digest: 1, atMilliseconds: 1000 + horizon) == .next)
        #expect(marks.trainers.count == 50_000)
        #expect(marks.next(of: ModelName("t1")!) == 2 && marks.next(of: ModelName("t0")!) == 1)
    }
}
