package import Domain
internal import Features
package import Transport

/// The models that one event loop serves, and the memory its predictions use. Touched on that loop only, so a request
/// reads one version, takes no lock and allocates nothing that grows.
///
/// Run-time exclusivity checks are off for what each request touches. Safe because of that loop, and because nothing
/// that a request calls while it uses one of these properties comes back here.
package final class LoopModels {
    @safe @exclusivity(unchecked) package private(set) var models: [ServingModel] = []
    /// Models that every loop answers for.
    private var announced: Set<ModelName> = []
    /// Requests that wait for a version.
    private var waiting: [Waiting] = []
    @safe @exclusivity(unchecked) var predictor = Predictor()
    var scorer = ModelScorer()
    @safe @exclusivity(unchecked) package internal(set) var requestCount = 0
    @safe @exclusivity(unchecked) package internal(set) var predictionCount = 0

    struct Waiting {
        let id: ObjectIdentifier
        let isDue: (ServingModel) -> Bool
        let resume: () -> Void
    }

    package init() {}

    package func model(_ name: RawSpan) -> ServingModel? {
        // By place: a loop over the elements would count a reference to each.
        for place in models.indices where name.hasSameBytes(as: models[place].nameBytes) { return models[place] }
        return nil
    }

    /// The model that the request's path names, as it stands or percent-encoded.
    package func model(in exchange: Exchange) -> ServingModel? {
        exchange.withPart(0) { model($0) } ?? ModelName(exchange.part("model")).flatMap { model($0) }
    }

    package func model(_ name: ModelName) -> ServingModel? { models.first { $0.name == name } }

    /// From the next request on, the model is this.
    package func set(_ model: ServingModel) {
        if let place = models.firstIndex(where: { $0.name == model.name }) {
            models[place] = model
        } else {
            models.append(model)
        }
        predictor.modelsChanged()
        let due = waiting.filter { $0.isDue(model) }
        guard !due.isEmpty else { return }
        waiting.removeAll { waiting in due.contains { $0.id == waiting.id } }
        for request in due { request.resume() }
    }

    /// Every loop has the model now: whoever is told of it may ask for it on any connection.
    func announce(_ name: ModelName) { announced.insert(name) }

    func isAnnounced(_ model: ServingModel) -> Bool { announced.contains(model.name) }

    /// What clients are told of.
    var announcedModels: [ServingModel] { models.filter(isAnnounced) }

    var waitingCount: Int { waiting.count }

    func wait(_ request: Waiting) { waiting.append(request) }

    /// Forgets a request; false when it was resumed already.
    func stopWaiting(_ id: ObjectIdentifier) -> Bool {
        guard let place = waiting.firstIndex(where: { $0.id == id }) else { return false }
        waiting.remove(at: place)
        return true
    }
}

extension PerLoop<LoopModels> {
    /// From each loop's next request on the model is this. A new one is told of when every loop answers for it.
    func show(_ model: ServingModel, isNew: Bool) async {
        await onEach { $0.set(model) }
        if isNew { await onEach { $0.announce(model.name) } }
    }
}
