internal import Configuration
package import Domain
internal import Files
internal import SystemPackage
internal import Transport

/// The models of a node, by name.
///
/// With a state folder the specs outlive the process: a model whose rows died with its owner is *closed* until it is
/// created anew, under a new history, so that no trainer is told that nothing happened.
package final class ModelRegistry: Sendable {
    package enum Entry: Sendable {
        case open(ModelLane)
        case closed(ModelSpec)
    }

    package enum Creation: Sendable {
        case created(ModelLane)
        case exists(ModelLane)
        case otherSpec(ModelLane)
        case tooMany
    }

    private let models: Locked<[ModelName: Entry]>
    private let publishInterval: Duration
    private let specs: SpecFolder?

    package init(publishInterval: Duration, stateFolder: String?) throws(SpecFolder.Failure) {
        self.publishInterval = publishInterval
        specs = try stateFolder.map { path throws(SpecFolder.Failure) in try SpecFolder(path) }
        models = Locked(try specs?.read().mapValues { .closed($0) } ?? [:])
    }

    package func entry(_ name: ModelName) -> Entry? { models.withLockedValue { $0[name] } }

    package var all: [(name: ModelName, entry: Entry)] {
        models.withLockedValue { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    }

    /// Creates a model, or finds the one there is.
    package func create(_ name: ModelName, _ spec: ModelSpec) throws(SpecFolder.Failure) -> Creation {
        let outcome = models.withLockedValue { models -> Creation in
            if case .open(let lane) = models[name] { return lane.spec == spec ? .exists(lane) : .otherSpec(lane) }
            guard models[name] != nil || models.count < Limits.Training.modelCountMax else { return .tooMany }
            var random = SystemRandomNumberGenerator()
            let lane = ModelLane(
                name: name, spec: spec, history: .random(using: &random), publishInterval: publishInterval)
            models[name] = .open(lane)
            return .created(lane)
        }
        if case .created = outcome { try specs?.write(name, spec) }
        return outcome
    }

    package func delete(_ name: ModelName) async throws(SpecFolder.Failure) -> Bool {
        let entry = models.withLockedValue { $0.removeValue(forKey: name) }
        if entry != nil { try specs?.remove(name) }
        if case .open(let lane) = entry { await lane.close() }
        return entry != nil
    }

    package func close() async {
        for case (_, .open(let lane)) in all { await lane.close() }
    }
}

/// The specs of a node's models as files, NAME.yaml.
package struct SpecFolder: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }
    private let path: FilePath

    package init(_ path: String) throws(Failure) {
        self.path = FilePath(path)
        do { try makeFolders(self.path) } catch { throw Failure(description: "state folder \(path): \(error)") }
    }

    func read() throws(Failure) -> [ModelName: ModelSpec] {
        var specs: [ModelName: ModelSpec] = [:]
        do {
            for file in try listFolder(path) where file.hasSuffix(".yaml") {
                guard let name = ModelName(String(file.dropLast(5))) else { continue }
                specs[name] = try ModelSpec(yaml: try readText(path.appending(file)))
            }
        } catch { throw Failure(description: "state folder \(path): \(error)") }
        return specs
    }

    func write(_ name: ModelName, _ spec: ModelSpec) throws(Failure) {
        do { try writeText(spec.yaml, to: path.appending("\(name).yaml")) } catch {
            throw Failure(description: "state folder \(path): \(error)")
        }
    }

    func remove(_ name: ModelName) throws(Failure) {
        do { try removeFile(path.appending("\(name).yaml")) } catch {
            throw Failure(description: "state folder \(path): \(error)")
        }
    }
}
