internal import DeltaFeed
internal import Domain
internal import Format
internal import Scoring
internal import Transport

/// The two tables: what goes into the hidden one, when it is shown, and the proof that it is the servers'.
extension Replica {
    func beginCopy(_ stamp: RecordStamp, _ feed: OwnerFeed) throws(Failure) {
        guard let spec else { throw .doesNotFit("a copy begins without a spec") }
        feed.digest = nil
        status.withLockedValue { $0.copyCount += 1 }
        let isOthers = meeting.ownerCount > 1 && hiddenHistory == stamp.history
        guard isOthers, let shard = feed.shard, let hidden, hidden.indexCount == spec.indexCount else {
            self.hidden = WeightTable(indexCount: spec.indexCount)
            hiddenHistory = stamp.history
            return
        }
        // The other owners' rows stay.
        for start in stride(from: 0, to: spec.indexCount, by: Limits.Copy.chunkIndexCount) {
            hidden.clear(shard, start..<min(start + Limits.Copy.chunkIndexCount, spec.indexCount))
            WorkThread.giveWay()
        }
    }

    /// Gives the hidden table the rows just unpacked, in turns.
    func applyToHidden(_ feed: OwnerFeed) {
        guard let hidden else { return }
        let (indices, values) = (feed.indices, feed.values)
        for start in stride(from: 0, to: indices.count, by: Limits.Feed.rowsPerTurn) {
            let turn = start..<min(start + Limits.Feed.rowsPerTurn, indices.count)
            hidden.set(indices.span.extracting(turn), values.span.extracting(turn))
            if turn.upperBound < indices.count { WorkThread.giveWay() }
        }
    }

    /// Takes the tables for a flip when all owners have met and their digest is that of the hidden table.
    func claimMeeting(_ feed: OwnerFeed) throws(Failure) -> Consequence {
        moved(feed)
        guard let met = meeting.met, let hidden else { return .nothing }
        try compareDigests(hidden)
        isFlipping = true
        return .flip(met)
    }

    /// Shows the hidden table to readers, and brings the other up to it when no reader has it any more.
    func flip(to met: FeedMeeting.Position) async {
        defer { giveBack() }
        guard let plan, let table = hidden else { return }
        let before = serving?.table
        await show(
            ServingModel(
                name: name, plan: plan, history: met.history, version: met.version,
                watermarkMilliseconds: watermark, table: table))
        meeting.show()
        hidden = before
        hiddenHistory = met.history
        let present = present
        if before?.indexCount == plan.spec.indexCount && present.allSatisfy({ $0.deltasSinceFlip <= 1 }) {
            for feed in present where feed.deltasSinceFlip == 1 { applyToHidden(feed) }
        } else {
            await copyToHidden()
        }
        for feed in present { feed.deltasSinceFlip = 0 }
    }

    private func giveBack() {
        isFlipping = false
        wake()
    }

    func show(_ model: ServingModel) async {
        let isNew = serving == nil
        serving = model
        await loops.show(model, isNew: isNew)
        status.withLockedValue { status in
            status.history = model.history
            status.version = model.version
            status.watermarkMilliseconds = model.watermarkMilliseconds
            status.spec = model.spec
        }
    }

    /// The time up to which all owners have everything.
    var watermark: UInt64 {
        present.map(\.watermarkMilliseconds).min() ?? 0
    }

    func claimWatermark() -> Consequence {
        guard let serving, meeting.met == nil, serving.watermarkMilliseconds < watermark,
            present.allSatisfy({ $0.position.map { $0 == meeting.shown } ?? false })
        else { return .nothing }
        isFlipping = true
        return .watermark
    }

    func showWatermark() async {
        defer { giveBack() }
        if let serving { await show(serving.with(watermarkMilliseconds: watermark)) }
    }

    /// After a copy: the other table takes over every row.
    func copyToHidden() async {
        guard let serving else { return }
        if hidden?.indexCount != serving.table.indexCount {
            hidden = WeightTable(indexCount: serving.table.indexCount)
        }
        for start in stride(from: 0, to: serving.table.indexCount, by: Limits.Copy.chunkIndexCount) {
            let range = start..<min(start + Limits.Copy.chunkIndexCount, serving.table.indexCount)
            hidden?.copy(range, from: serving.table)
            WorkThread.giveWay()
            await Task.yield()
        }
    }

    /// Holds the rows that all owners named at one version against the sum of their digests. A difference is counted and
    /// repaired by copies: which owner's rows differ cannot be told.
    func compareDigests(_ table: WeightTable?) throws(Failure) {
        let present = present
        guard let table, let first = present.first?.digest, present.count == meeting.ownerCount,
            present.allSatisfy({
                $0.digest?.version == first.version && $0.digest?.range.indices == first.range.indices
            })
        else { return }
        let named = present.reduce(WeightDigest()) { $0 + ($1.digest?.range.digest ?? WeightDigest()) }
        for feed in present { feed.digest = nil }
        guard first.range.indices.upperBound <= UInt64(table.indexCount) else {
            for feed in present { lose(feed) }
            throw .format(.corrupt(what: "a digest over rows that the model does not have"))
        }
        let range = Int(first.range.indices.lowerBound)..<Int(first.range.indices.upperBound)
        let ours = table.withWeights(range) { digest(weights: $0, firstIndex: first.range.indices.lowerBound) }
        let isEqual = ours == named
        let isWhole = range == 0..<table.indexCount
        let history = present.first?.position?.history ?? hiddenHistory
        status.withLockedValue { status in
            status.comparedDigestCount += 1
            if !isEqual { status.digestMismatchCount += 1 }
            if isWhole, let history {
                status.wholeDigest = WholeDigest(
                    digest: ours, version: first.version, history: history, isEqual: isEqual)
            }
        }
        guard !isEqual else { return }
        for feed in present { lose(feed) }
        // The copies may lead to the very version that is shown, and must be shown all the same.
        meeting.doubt()
        throw .digestDiffers(first.version)
    }
}
