package import Configuration
package import Domain
internal import Files
internal import Learning
internal import SystemPackage
package import Transport

/// The models of a node, by name: those it owns rows of, and those whose traffic it may be sent.
///
/// Models of the node's journal are there again when it begins. Without one only the specs of its clock's models outlive
/// the process: a model whose rows died with an owner is *closed* until it is created anew, under a new history, so that no
/// trainer is told that nothing happened.
package final class ModelRegistry: Sendable {
    package enum Entry: Sendable {
        case open(ModelLane)
        case closed(ModelSpec, reason: String)
    }

    package enum Creation: Sendable {
        case created(ModelLane)
        case exists(ModelLane)
        case otherSpec(ModelLane)
        case tooMany
        /// The owners did not join.
        case failed(String)
    }

    /// What a lane needs to know of its node.
    package struct Place: Sendable {
        package var node: Int
        package var names: [String]
        /// Where models of several owners are learned; nil for a node alone.
        package var control: WorkThread?
        package var links: PeerLinks?

        package init(node: Int, names: [String], control: WorkThread?, links: PeerLinks?) {
            self.node = node
            self.names = names
            self.control = control
            self.links = links
        }

        package static let alone = Place(node: 0, names: ["server-0"], control: nil, links: nil)
    }

    private struct State: Sendable {
        var models: [ModelName: Entry] = [:]
        /// Messages name a model by its history.
        var lanes: [History: ModelLane] = [:]
        var place = Place.alone
        /// Nodes that have told of every model whose clock they are.
        var toldBy: Set<Int> = []
    }
    private let state: Locked<State>
    private let publishInterval: Duration
    package let journal: NodeJournal?
    private let snapshots: SnapshotFolder?
    private let snapshotInterval: Duration
    private let mirror: SnapshotFolder?
    private let tape: Tape?
    /// Locked, so that what is written is what the registry says at that moment.
    private let specs: Locked<SpecFolder?>

    /// - Parameter journal: nil where durability is none.
    package init(
        publishInterval: Duration, stateFolder: String?, journal: NodeJournal? = nil,
        snapshots: SnapshotFolder? = nil, snapshotInterval: Duration = Limits.Snapshot.intervalDefault,
        mirror: SnapshotFolder? = nil, tape: Tape? = nil
    ) throws(SpecFolder.Failure) {
        self.publishInterval = publishInterval
        self.journal = journal
        self.snapshots = snapshots
        self.snapshotInterval = snapshotInterval
        self.mirror = mirror
        self.tape = tape
        let specs = try stateFolder.map { path throws(SpecFolder.Failure) in try SpecFolder(path) }
        self.specs = Locked(specs)
        let reason = "its owner restarted without its rows"
        state = Locked(State(models: try specs?.read().mapValues { .closed($0, reason: reason) } ?? [:]))
    }

    /// Says where this node stands, before any model is made; models of the journal begin.
    ///
    /// - Parameter owners: those that the cluster file names for a model.
    /// - Throws: when the journal's models have others.
    package func begin(_ place: Place, owners: (ModelName) -> [Int] = { _ in [0] }) throws(ConfigurationError) {
        state.withLockedValue { $0.place = place }
        for model in inService {
            let name = model.identity.name
            guard model.identity.owners == owners(name) else {
                throw .init(
                    "the journal has model \(name), which the cluster file gives to other owners than before: start with the file as it was, delete the model, then change its owners"
                )
            }
            let spec: ModelSpec
            do throws(ConfigurationError) { spec = try ModelSpec(yaml: model.identity.spec) } catch {
                throw .init("the journal has model \(name), whose spec this program does not read: \(error)")
            }
            let lane = state.withLockedValue { add(model.identity, spec, model.history, model.log, to: &$0) }
            if let newest = snapshots?.names(model.history).first { lane.watchIdle(newest) }
            if lane.isClock { lane.gather { _ in } }
        }
    }

    /// Models of the journal, each name once: of two that had it the one that was created later, the other having been closed.
    /// What is kept of the earlier goes when the later is in use.
    private var inService: [RecoveredModel] {
        var newest: [ModelName: RecoveredModel] = [:]
        for model in journal?.recovered ?? [] {
            if let earlier = newest.updateValue(model, forKey: model.identity.name), model.log.number > 0 {
                journal?.append(earlier.history, .forget) {}
            }
        }
        return newest.values.sorted { $0.identity.name < $1.identity.name }
    }

    /// A model as it is now: one whose lane cannot go on is closed.
    package func entry(_ name: ModelName) -> Entry? { state.withLockedValue { Self.asIs($0.models[name]) } }

    package var all: [(name: ModelName, entry: Entry)] {
        state.withLockedValue { state in
            state.models.sorted { $0.key < $1.key }.compactMap { name, entry in
                Self.asIs(entry).map { (name, $0) }
            }
        }
    }

    private static func asIs(_ entry: Entry?) -> Entry? {
        guard case .open(let lane) = entry, let reason = lane.closedReason.withLockedValue({ $0 }) else { return entry }
        return .closed(lane.currentSpec, reason: reason)
    }

    // MARK: the clock's node

    /// Creates a model whose clock is here, or finds the one there is; answers when its owners have joined.
    package func create(
        _ name: ModelName, _ spec: ModelSpec, owners: [Int]
    ) async throws(SpecFolder.Failure) -> Creation {
        let (outcome, before) = state.withLockedValue { state -> (Creation, Entry?) in
            let before = state.models[name]
            if case .open(let lane) = Self.asIs(before) {
                return (lane.spec == spec || lane.currentSpec == spec ? .exists(lane) : .otherSpec(lane), before)
            }
            guard state.models[name] != nil || state.models.count < Limits.Training.modelCountMax else {
                return (.tooMany, before)
            }
            if let objection = ModelRows.objection(to: spec, Shard(0, of: owners.count)) {
                return (.failed("\(state.place.names[state.place.node]): \(objection)"), before)
            }
            var random = SystemRandomNumberGenerator()
            let identity = ModelIdentity(name: name, spec: spec.yaml, fingerprint: spec.fingerprint, owners: owners)
            return (.created(add(identity, spec, .random(using: &random), to: &state)), before)
        }
        guard case .created(let lane) = outcome else { return outcome }
        if let reason = await gathered(lane) {
            await lane.delete()
            forget(lane, puttingBack: before)
            return .failed(reason)
        }
        try keepSpec(of: name)
        if case .open(let earlier) = before {
            earlier.supersede()
            earlier.forgetSuperseded()
        }
        return outcome
    }

    /// Nil when all owners joined in time, else why they did not.
    private func gathered(_ lane: ModelLane) async -> String? {
        await withCheckedContinuation { continuation in
            let answered = Locked(false)
            let answer: @Sendable (String?) -> Void = { reason in
                let isFirst = answered.withLockedValue { answered in
                    defer { answered = true }
                    return !answered
                }
                if isFirst { continuation.resume(returning: reason) }
            }
            lane.gather(answer)
            lane.after(Limits.Group.hearWait) { $0.openUnheard() }
            lane.after(Limits.Group.joinWait) { lane in
                answer("it \(lane.member.waitsFor.map { "waits for " + $0 } ?? "does not open")")
            }
        }
    }

    package func delete(_ name: ModelName) async throws(SpecFolder.Failure) -> Bool {
        let entry = state.withLockedValue { state in
            let entry = state.models.removeValue(forKey: name)
            if case .open(let lane) = entry { state.lanes[lane.history] = nil }
            return entry
        }
        if case .open(let lane) = entry { await lane.delete() }
        if entry != nil { try keepSpec(of: name) }
        return entry != nil
    }

    /// Makes the state folder say of a model what the registry says, whoever changed it meanwhile.
    private func keepSpec(of name: ModelName) throws(SpecFolder.Failure) {
        let kept = specs.withLockedValue { specs in
            Result { () throws(SpecFolder.Failure) in
                switch state.withLockedValue({ $0.models[name] }) {
                case .open(let lane) where lane.isClock: try specs?.write(name, lane.currentSpec)
                case .closed(let spec, _): try specs?.write(name, spec)
                case .open, nil: try specs?.remove(name)
                }
            }
        }
        try kept.get()
    }

    package func close() async {
        for lane in state.withLockedValue({ Array($0.lanes.values) }) { await lane.stop() }
    }

    // MARK: other nodes

    /// A message from another node.
    package func received(_ envelope: Envelope, from other: Int) {
        switch envelope.message {
        case .prepare(let identity):
            lane(identity, envelope.history, from: other, isAsked: true)?.receive(envelope, from: other)
        case .opened(let identity): lane(identity, envelope.history, from: other)?.receive(envelope, from: other)
        case .told: state.withLockedValue { _ = $0.toldBy.insert(other) }
        default:
            guard let lane = state.withLockedValue({ $0.lanes[envelope.history] }) else { return }
            lane.receive(envelope, from: other)
            if case .deleted = envelope.message, lane.identity.owners[0] == other { forget(lane) }
        }
    }

    /// Another node was met, or lives anew: it is told of every open model whose clock is here. Runs on the control thread.
    package func met(_ other: Int, isAnew: Bool) {
        let (lanes, links) = state.withLockedValue { state in
            state.toldBy.remove(other)
            return (Array(state.lanes.values), state.place.links)
        }
        for lane in lanes {
            if isAnew { lane.restarted(other) }
            guard lane.isClock else { continue }
            let isLost = isAnew && lane.identity.owners.contains(other)
            let reason = lane.closedReason.withLockedValue { $0 }
            let epoch = lane.epoch.withLockedValue { $0 }
            guard reason != nil || (lane.status.withLockedValue { $0.phase } == "open" && !isLost) else {
                // It is gathering its owners, or will: whoever owns no rows hears that there is such a model.
                if !lane.identity.owners.contains(other) {
                    links?.send(Envelope(lane.history, epoch: epoch, .prepare(lane.identity)), to: other)
                }
                continue
            }
            links?.send(Envelope(lane.history, epoch: epoch, .opened(lane.identity)), to: other)
            // So that it says why, and not that it knows of no such model.
            if let reason { links?.send(Envelope(lane.history, epoch: epoch, .closed(reason: reason)), to: other) }
        }
        links?.send(Envelope(History(0), .told), to: other)
    }

    /// Whether this node has been told of every model whose clock is another.
    package func hasHeard(from other: Int) -> Bool {
        state.withLockedValue { $0.place.node == other || $0.toldBy.contains(other) }
    }

    /// The lane of a model that its clock told of; made when it is new.
    ///
    /// - Parameter isAsked: the clock asks whether this node makes the same of the spec; it is answered with the fingerprint.
    private func lane(
        _ identity: ModelIdentity, _ history: History, from other: Int, isAsked: Bool = false
    ) -> ModelLane? {
        // Only a model's clock speaks for it. A spec that this node cannot read gets no answer: the clock says who is late.
        guard identity.owners.first == other, let spec = try? ModelSpec(yaml: identity.spec),
            isAsked || spec.fingerprint == identity.fingerprint, identity.owners.count <= spec.indexCount,
            Set(identity.owners).count == identity.owners.count
        else { return nil }
        let (lane, earlier) = state.withLockedValue { state -> (ModelLane?, ModelLane?) in
            if let lane = state.lanes[history] { return (lane, nil) }
            guard identity.owners.allSatisfy({ state.place.names.indices.contains($0) }) else { return (nil, nil) }
            if let place = identity.owners.firstIndex(of: state.place.node),
                let objection = ModelRows.objection(to: spec, Shard(place, of: identity.owners.count))
            {
                state.place.links?.send(Envelope(history, .closed(reason: objection)), to: other)
                return (nil, nil)
            }
            let earlier: ModelLane? = if case .open(let lane) = state.models[identity.name] { lane } else { nil }
            // It may be one that the disk holds and another of the name was in service.
            let held = journal?.recovered.first { $0.history == history }?.log
            return (add(identity, spec, history, held ?? OwnerLog(), to: &state), earlier)
        }
        // The model was created anew: followers of the earlier one come back for the new one. What the disk has of the earlier goes
        // when the new one has opened: until then it may be all there is.
        if let earlier, earlier !== lane {
            earlier.supersede()
            lane?.whenOpen { earlier.forgetSuperseded() }
        }
        return lane
    }

    private func forget(_ lane: ModelLane, puttingBack before: Entry? = nil) {
        state.withLockedValue { state in
            state.lanes[lane.history] = nil
            guard case .open(let named) = state.models[lane.name], named === lane else { return }
            state.models[lane.name] = before
            if case .open(let earlier) = before { state.lanes[earlier.history] = earlier }
        }
    }

    private func add(
        _ identity: ModelIdentity, _ spec: ModelSpec, _ history: History, _ held: OwnerLog = OwnerLog(),
        to state: inout State
    ) -> ModelLane {
        let place = state.place
        // A model of one owner has a thread of its own; those of several share the one that carries their rounds.
        let isAlone = identity.owners == [place.node]
        let lane = ModelLane(
            identity, spec, history: history, publishInterval: publishInterval, node: place.node, names: place.names,
            thread: isAlone ? WorkThread() : place.control ?? WorkThread(), links: place.links,
            journal: identity.owners.contains(place.node) ? journal : nil, snapshots: snapshots,
            snapshotInterval: snapshotInterval, mirror: mirror, tape: tape, held: held)
        if case .open(let earlier) = state.models[identity.name] { state.lanes[earlier.history] = nil }
        state.models[identity.name] = .open(lane)
        state.lanes[history] = lane
        return lane
    }
}
