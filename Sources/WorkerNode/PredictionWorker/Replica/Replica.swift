package import Configuration
internal import DeltaFeed
package import Domain
internal import Features
package import Format
internal import Scoring
package import Transport

/// A model of this worker, kept equal to the server's: two tables and a flip.
///
/// A delta is applied to the hidden table; then every event loop is told to read that one; when each has run that task
/// no reader is left in the other, which gets the same rows. Readers take no lock and retry nothing. A copy fills the
/// hidden table while the old version is served.
package actor Replica {
    package let name: ModelName
    private let loops: PerLoop<LoopModels>
    let thread: WorkThread
    private let status: Locked<ReplicaStatus>

    private var follower = DeltaFollower.waiting
    private var reader = RecordReader()
    private var window = ByteWindow()
    private var spec: ModelSpec?
    private var serving: ServingModel?
    /// The table that no reader has.
    private var hidden: WeightTable?
    private var indices: [UInt32] = []
    private var values: [Float] = []

    /// - Parameter thread: where rows are unpacked and applied; one for all replicas.
    package init(name: ModelName, loops: PerLoop<LoopModels>, thread: WorkThread, status: Locked<ReplicaStatus>) {
        self.name = name
        self.thread = thread
        self.loops = loops
        self.status = status
    }

    /// Why a feed must be opened anew.
    package enum Failure: Error, CustomStringConvertible {
        case format(FormatError)
        case spec(ConfigurationError)
        case doesNotFit(String)
        case digestDiffers(Version)

        package var description: String {
            switch self {
            case .format(let error): "\(error)"
            case .spec(let error): "the server's spec: \(error)"
            case .doesNotFit(let what): what
            case .digestDiffers(let version): "the weights at version \(version) are not the server's; a copy follows"
            }
        }
    }

    /// The digest over all rows of the version that is served, if that is `version` (or whatever it is, for nil).
    ///
    /// The served table is never written, so reading it here is safe; the next delta waits meanwhile.
    package func wholeDigest(at version: Version?) -> WholeDigest? {
        guard let serving, version == nil || serving.version == version else { return nil }
        let sum = serving.table.withWeights(0..<serving.table.indexCount) { digest(weights: $0, firstIndex: 0) }
        return WholeDigest(digest: sum, version: serving.version, history: serving.history, isEqual: nil)
    }

    /// Begins to read a new connection. Answers what is held, for the server to continue from.
    package func connected() -> (history: History, version: Version)? {
        follower.disconnected()
        reader = RecordReader()
        window.removeAll()
        return follower.position
    }

    /// Takes in bytes of the feed, every record as soon as it is whole. A cut record is never half applied.
    package func take(_ chunk: Bytes) async throws(Failure) {
        window.append(chunk.readableBytesSpan)
        giveWay(afterReceiving: chunk.readableBytes)
        while window.byteCount > 0 {
            let header: RecordHeader
            let action: DeltaFollower.Action
            do throws(FormatError) {
                let bytes = window.bytes
                let waiting = bytes.span.extracting(first: window.byteCount)
                guard case .record(let found, let payload) = try reader.read(waiting) else { return }
                header = found
                action = follower.received(header)
                try decode(header, waiting.extracting(payload), for: action)
            } catch {
                follower.lost()
                throw .format(error)
            }
            window.removeFirst(header.recordByteCount)
            try await act(action, header)
        }
    }

    /// Unpacks what an action needs, while the bytes are at hand.
    private func decode(
        _ header: RecordHeader, _ payload: Span<UInt8>, for action: DeltaFollower.Action
    ) throws(FormatError) {
        switch action {
        case .takeSpec: specText = try decodeSpec(header, payload: payload)
        case .apply, .applyToCopy:
            guard let spec, header.stamp.fingerprint == spec.fingerprint else {
                throw .corrupt(what: "rows of another plan than the spec's")
            }
            try decodeRows(
                header, payload: payload, indexLimit: UInt64(spec.indexCount), into: &indices, values: &values,
                pauseRowCount: Limits.Feed.rowsPerTurn, pause: WorkThread.giveWay)
        case .beginCopy, .finishCopy, .noteHeartbeat, .ignore, .resync: break
        }
    }
    private var specText = ""

    private func giveWay(afterReceiving byteCount: Int) {
        byteCountSincePause += byteCount
        guard byteCountSincePause >= Limits.Feed.bytesPerTurn else { return }
        byteCountSincePause = 0
        WorkThread.giveWay()
    }
    private var byteCountSincePause = 0

    private func act(_ action: DeltaFollower.Action, _ header: RecordHeader) async throws(Failure) {
        let stamp = header.stamp
        switch action {
        case .takeSpec:
            do throws(ConfigurationError) { spec = try ModelSpec(yaml: specText) } catch { throw .spec(error) }
        case .beginCopy:
            guard let spec else { throw .doesNotFit("a copy begins without a spec") }
            hidden = WeightTable(indexCount: spec.indexCount)
            status.withLockedValue { $0.copyCount += 1 }
        case .applyToCopy:
            applyToHidden()
        case .finishCopy:
            try await flip(stamp)
            await copyToHidden()
        case .apply:
            applyToHidden()
            try await flip(stamp)
            applyToHidden()
            status.withLockedValue { $0.appliedRowCount += UInt64(indices.count) }
        case .noteHeartbeat:
            try compareDigest(stamp, serving?.table)
            guard let serving else { return }
            await show(serving.with(watermarkMilliseconds: stamp.watermarkMilliseconds))
        case .ignore: break
        case .resync(let why):
            throw .doesNotFit(why)
        }
    }

    /// Gives the hidden table the rows just unpacked, in turns.
    private func applyToHidden() {
        guard let hidden else { return }
        for start in stride(from: 0, to: indices.count, by: Limits.Feed.rowsPerTurn) {
            let turn = start..<min(start + Limits.Feed.rowsPerTurn, indices.count)
            hidden.set(indices.span.extracting(turn), values.span.extracting(turn))
            if turn.upperBound < indices.count { WorkThread.giveWay() }
        }
    }

    /// Shows the hidden table to readers and gets the other back, when no reader has it any more.
    private func flip(_ stamp: RecordStamp) async throws(Failure) {
        guard let spec, let table = hidden else { throw .doesNotFit("rows without a table") }
        try compareDigest(stamp, table)
        let before = serving?.table
        await show(
            ServingModel(
                name: name, spec: spec, history: stamp.history, version: stamp.version,
                watermarkMilliseconds: stamp.watermarkMilliseconds, table: table))
        hidden = before
    }

    private func show(_ model: ServingModel) async {
        serving = model
        await loops.onEach { $0.set(model) }
        status.withLockedValue { status in
            status.history = model.history
            status.version = model.version
            status.watermarkMilliseconds = model.watermarkMilliseconds
            status.spec = model.spec
        }
    }

    /// After a copy: the other table takes over every row.
    private func copyToHidden() async {
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

    /// Holds the rows that the server named against its digest. A difference is counted and repaired by a copy.
    private func compareDigest(_ stamp: RecordStamp, _ table: WeightTable?) throws(Failure) {
        guard let named = stamp.digest, let table else { return }
        guard named.indices.upperBound <= UInt64(table.indexCount) else {
            follower.lost()
            throw .format(.corrupt(what: "a digest over rows that the model does not have"))
        }
        let range = Int(named.indices.lowerBound)..<Int(named.indices.upperBound)
        let ours = table.withWeights(range) { digest(weights: $0, firstIndex: named.indices.lowerBound) }
        let isEqual = ours == named.digest
        let isWhole = range == 0..<table.indexCount
        status.withLockedValue { status in
            status.comparedDigestCount += 1
            if !isEqual { status.digestMismatchCount += 1 }
            if isWhole {
                status.wholeDigest = WholeDigest(
                    digest: ours, version: stamp.version, history: stamp.history, isEqual: isEqual)
            }
        }
        guard !isEqual else { return }
        follower.lost()
        throw .digestDiffers(stamp.version)
    }
}

/// A digest over all rows.
package struct WholeDigest: Sendable {
    package var digest: WeightDigest
    package var version: Version
    package var history: History
    /// Whether it was the server's; nil when the server named none at that version.
    package var isEqual: Bool?
}

/// What a worker tells about a model it follows.
package struct ReplicaStatus: Sendable {
    package var spec: ModelSpec?
    package var history: History?
    package var version = Version.zero
    package var watermarkMilliseconds: UInt64 = 0
    package var isConnected = false
    package var copyCount = 0
    package var appliedRowCount: UInt64 = 0
    package var comparedDigestCount = 0
    package var digestMismatchCount = 0
    package var wholeDigest: WholeDigest?

    package init() {}
}
