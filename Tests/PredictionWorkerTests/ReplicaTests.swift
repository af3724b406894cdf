internal import Domain
internal import Format
internal import PredictionWorker
internal import Testing
internal import Transport

@Suite("A replica shows whole versions only, wherever its connection is cut")
struct ReplicaTests {
    @Test("a copy, then deltas, byte by byte: each version is shown when its last byte is in")
    func byteByByte() async throws {
        let follower = await Follower()
        var script = FeedScript()
        #expect(await follower.replica.connected() == nil)
        let copy = script.copy()
        for byte in copy.dropLast() { try await follower.take([byte]) }
        #expect(await follower.served().version == nil)
        try await follower.take([copy[copy.count - 1]])
        await follower.expectEqual(script, "after the copy")
        for _ in 0..<3 {
            let before = script
            let delta = script.delta()
            for byte in delta.dropLast() { try await follower.take([byte]) }
            await follower.expectEqual(before, "before the delta's last byte")
            try await follower.take([delta[delta.count - 1]])
            await follower.expectEqual(script, "after the delta")
        }
        #expect(follower.status.withLockedValue { $0.digestMismatchCount } == 0)
        #expect(follower.status.withLockedValue { $0.comparedDigestCount } == 4)
    }

    @Test("a delta cut at every byte is not half applied; a new connection continues from the position")
    func cutDelta() async throws {
        let start = FeedScript()
        var first = start
        let delta = first.delta()
        var second = first
        let next = second.delta(step: 5)
        for cut in 0...delta.count {
            let follower = await Follower()
            _ = await follower.replica.connected()
            try await follower.take(start.copy())
            try await follower.take(delta.prefix(cut))
            let isWhole = cut == delta.count
            await follower.expectEqual(isWhole ? first : start, "cut at \(cut)")

            let position = await follower.replica.connected()
            #expect(position?.history == start.history)
            #expect(position?.version.rawValue == (isWhole ? first : start).version, "cut at \(cut)")
            try await follower.take(isWhole ? next : delta + next)
            await follower.expectEqual(second, "cut at \(cut), after the reconnect")
        }
    }

    @Test("a copy cut at every byte is void: the old version is served until another copy is whole")
    func cutCopy() async throws {
        let start = FeedScript()
        var now = start
        _ = now.delta(step: 2)
        let copy = now.copy()
        let follower = await Follower()
        for cut in 0..<copy.count {
            _ = await follower.replica.connected()
            try await follower.take(start.copy())
            await follower.expectEqual(start, "cut at \(cut)")
            _ = await follower.replica.connected()
            try await follower.take(copy.prefix(cut))
            await follower.expectEqual(start, "cut at \(cut)")
        }
        #expect(await follower.replica.connected() == nil)
        try await follower.take(copy)
        await follower.expectEqual(now, "after a whole copy")
    }

    @Test("a delta that is in already, sent again after a reconnect, changes nothing")
    func duplicate() async throws {
        let follower = await Follower()
        var script = FeedScript()
        _ = await follower.replica.connected()
        try await follower.take(script.copy())
        let delta = script.delta()
        try await follower.take(delta)
        _ = await follower.replica.connected()
        try await follower.take(delta + script.heartbeat())
        await follower.expectEqual(script, "after a duplicate")
        #expect(follower.status.withLockedValue { $0.copyCount } == 1)
    }

    @Test("deltas inside a copy belong to it: nothing is shown before its end")
    func deltaInsideCopy() async throws {
        let follower = await Follower()
        var script = FeedScript()
        let copy = script.copy()
        let endByteCount = RecordHeader.byteCount
        _ = await follower.replica.connected()
        try await follower.take(copy.dropLast(endByteCount))
        let base = script.version
        try await follower.take(script.delta())
        #expect(await follower.served().version == nil)
        var end: [UInt8] = []
        appendMark(.copyEnd, stamp: script.stamp(base, digest: script.wholeDigest), to: &end)
        try await follower.take(end)
        await follower.expectEqual(script, "after the copy's end")
        try await follower.take(script.delta())
        await follower.expectEqual(script, "the other table had every row too")
        try await follower.take(script.delta())
        await follower.expectEqual(script, "and so had this one")
    }
}

@Suite("What does not fit is refused, never shown, and repaired by a copy")
struct ReplicaRepairTests {
    /// Sends bytes that must be refused to a replica that stands at the script's version; then repairs it.
    private func expectRefusal(
        of bytes: [UInt8], at script: FeedScript, mismatches: Int = 0, location: SourceLocation = #_sourceLocation
    ) async throws {
        let follower = await Follower()
        _ = await follower.replica.connected()
        try await follower.take(script.copy())
        await #expect(throws: Replica.Failure.self, sourceLocation: location) { try await follower.take(bytes) }
        await follower.expectEqual(script, "after the refusal", location: location)
        #expect(
            follower.status.withLockedValue { $0.digestMismatchCount } == mismatches, sourceLocation: location)
        #expect(await follower.replica.connected() == nil, "only a copy helps", sourceLocation: location)
        var repaired = script
        _ = repaired.delta(step: 3)
        try await follower.take(repaired.copy())
        try await follower.take(repaired.delta())
        await follower.expectEqual(repaired, "after the repair", location: location)
    }

    /// A delta with a wrong stamp.
    private func delta(_ change: (inout RecordStamp) -> Void) -> [UInt8] {
        var script = FeedScript()
        return script.delta(change)
    }

    @Test("a wrong digest, in a delta or a heartbeat, is counted")
    func digest() async throws {
        let wrong = RangeDigest(indices: 0..<256, digest: WeightDigest(sum: 1))
        try await expectRefusal(of: delta { $0.digest = wrong }, at: FeedScript(), mismatches: 1)
        try await expectRefusal(of: FeedScript().heartbeat { $0.digest = wrong }, at: FeedScript(), mismatches: 1)
        let part = RangeDigest(indices: 17..<18, digest: WeightDigest(sum: 1))
        try await expectRefusal(of: delta { $0.digest = part }, at: FeedScript(), mismatches: 1)
    }

    @Test(
        "a digest over rows that the model does not have",
        arguments: [0..<257, 255..<300, 256..<257, 300..<400, 0..<(1 << 32), ((1 << 32) - 1)..<(1 << 32)]
            as [Range<UInt64>])
    func digestOutside(range: Range<UInt64>) async throws {
        let outside = RangeDigest(indices: range, digest: WeightDigest(sum: 1))
        try await expectRefusal(of: delta { $0.digest = outside }, at: FeedScript())
        try await expectRefusal(of: FeedScript().heartbeat { $0.digest = outside }, at: FeedScript())
    }

    @Test("another history, another base, a version skipped")
    func doesNotFit() async throws {
        try await expectRefusal(of: delta { $0.history = History(1) }, at: FeedScript())
        try await expectRefusal(of: delta { $0.baseVersion = Version(9) }, at: FeedScript())
        try await expectRefusal(of: delta { $0.baseVersion = Version(11) }, at: FeedScript())
        try await expectRefusal(of: FeedScript().heartbeat { $0.history = History(1) }, at: FeedScript())
    }

    @Test("rows of another plan")
    func fingerprint() async throws {
        try await expectRefusal(of: delta { $0.fingerprint = Fingerprint(1) }, at: FeedScript())
    }

    @Test("a row outside the model")
    func outside() async throws {
        var bytes: [UInt8] = []
        var stamp = FeedScript().stamp(10)
        stamp.version = Version(11)
        appendRows(.delta, stamp: stamp, indices: [3, 256].span, values: [1, 1].span, to: &bytes)
        try await expectRefusal(of: bytes, at: FeedScript())
    }

    @Test("damage in any byte of a delta")
    func damage() async throws {
        var after = FeedScript()
        let delta = after.delta()
        let follower = await Follower()
        for place in delta.indices {
            _ = await follower.replica.connected()
            try await follower.take(FeedScript().copy())
            var bytes = delta
            bytes[place] ^= 0x10
            await #expect(throws: Replica.Failure.self, "byte \(place)") { try await follower.take(bytes) }
            await follower.expectEqual(FeedScript(), "byte \(place)")
            #expect(await follower.replica.connected() == nil, "byte \(place)")
        }
    }

    @Test("a new history with another spec is taken as a whole")
    func newHistory() async throws {
        let follower = await Follower()
        _ = await follower.replica.connected()
        try await follower.take(FeedScript().copy())
        var anew = FeedScript()
        anew.history = History(5)
        anew.spec.hashing.seed = 9
        _ = anew.delta(by: 1)
        try await follower.take(anew.copy())
        await follower.expectEqual(anew, "the new history")
        #expect(await follower.replica.connected()?.history == History(5))
    }
}
