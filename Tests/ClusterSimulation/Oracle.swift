internal import Domain
internal import Features
internal import Format
internal import Learning
internal import ParameterServer

/// What must be true of the whole cluster, known from outside: every commit's header, and the weights at every version.
struct Oracle {
    struct Violation: Error { var what: String }

    struct Name: Hashable {
        var trainer: ModelName
        var sequence: UInt64
    }

    private(set) var headers: [CommitHeader] = []
    /// Of all weights, by version.
    private(set) var digests: [Version: WeightDigest]
    private var committed: Set<Name> = []
    private var next: [ModelName: UInt64] = [:]
    private final class Reference {
        var learner: Learner
        init(_ spec: ModelSpec) { learner = Learner(spec) }
    }
    private var reference: Reference
    private let spec: ModelSpec
    private let batches: [Name: ExampleBatch]

    init(_ spec: ModelSpec, _ batches: [Name: ExampleBatch]) {
        reference = Reference(spec)
        self.spec = spec
        digests = [.zero: WeightDigest()]
        self.batches = batches
    }

    /// An owner, or the clock, has a commit: the first to have it says what it is, the others must agree.
    mutating func saw(_ header: CommitHeader, at node: String) throws(Violation) {
        let place = Int(header.number) - 1
        if place < headers.count {
            guard headers[place] == header else { throw .init(what: "\(node) has another header \(header.number)") }
            return
        }
        guard place == headers.count else {
            throw .init(what: "\(node) has commit \(header.number) without the one before")
        }
        headers.append(header)
        if header.restores > 0 { reference = try learned(through: header.restores) }
        reference.learner.setRates(header.standing.learner)
        for batch in header.batches {
            guard let name = batch.name else { throw .init(what: "a batch without a name") }
            let key = Name(trainer: name.trainer, sequence: name.sequence)
            guard committed.insert(key).inserted else {
                throw .init(what: "\(name.trainer) \(name.sequence) is learned twice")
            }
            guard name.sequence == next[name.trainer, default: 1] else {
                throw .init(what: "\(name.trainer) \(name.sequence) is learned out of sequence")
            }
            next[name.trainer] = name.sequence + 1
            guard let examples = batches[key] else { throw .init(what: "an unknown batch was learned") }
            reference.learner.learn(examples)
        }
        let before = place == 0 ? .zero : headers[place - 1].version
        let count = header.batches.reduce(0) { $0 + $1.exampleCount }
        guard header.version == before + count + (header.republishes ? 1 : 0),
            header.exampleCount == reference.learner.exampleCount
        else { throw .init(what: "commit \(header.number) is version \(header.version)") }
        digests[header.version] = reference.learner.digest
    }

    /// The weights as they were at a commit.
    private func learned(through number: UInt64) throws(Violation) -> Reference {
        guard number <= headers.count else { throw .init(what: "commit \(number) is restored and never was") }
        var reference = Reference(spec)
        for header in headers.prefix(Int(number)) {
            if header.restores > 0 { reference = try learned(through: header.restores) }
            reference.learner.setRates(header.standing.learner)
            for case let name? in header.batches.map(\.name) {
                reference.learner.learn(batches[Name(trainer: name.trainer, sequence: name.sequence)]!)
            }
        }
        return reference
    }

    /// Commits above this one never were.
    mutating func cut(to number: UInt64) {
        let kept = headers.prefix(Int(number))
        guard kept.count < headers.count else { return }
        (headers, digests, committed, next) = ([], [.zero: WeightDigest()], [], [:])
        reference = Reference(spec)
        for header in kept {
            do throws(Violation) { try saw(header, at: "the log") } catch { preconditionFailure("seen before") }
        }
    }

    func hasCommitted(_ name: Name) -> Bool { committed.contains(name) }

    /// The sequence that headers lead to: what the clock's marks must say.
    func expected(of trainer: ModelName) -> UInt64 { next[trainer, default: 1] }

    var version: Version { headers.last?.version ?? .zero }
}
