internal import Domain
internal import Learning
internal import Scoring

/// What a request to `/v1/score` is answered with, model by model.
struct ScoreAnswer {
    let json: String

    /// One model's scores.
    struct Part {
        var model: ServingModel
        /// Shape [examples].
        var margins: [Double]
        /// Of each example the features that add most; empty where nothing was asked.
        var explained: [[Contribution]]
    }

    init(_ request: ScoreRequest, _ parts: [Part], now: UInt64) {
        json = "{\"models\":[\(parts.map { $0.json(request, now) }.joined(separator: ","))]}"
    }
}

extension ScoreAnswer.Part {
    fileprivate func json(_ request: ScoreRequest, _ now: UInt64) -> String {
        var fields = [
            "\"model\":\(jsonString(model.name.text))", "\"version\":\(model.version)",
            "\"history\":\"\(model.history)\"",
            "\"age_ms\":\(model.ageMilliseconds(now: now))",
        ]
        if request.wantsProbability {
            var probabilities = [Float](repeating: 0, count: margins.count)
            Learning.probabilities(margins, margins.count, into: &probabilities)
            fields.append("\"probability\":\(list(probabilities))")
        }
        if request.wantsMargin { fields.append("\"margin\":\(list(margins))") }
        if request.explainedFeatureCount > 0 {
            fields.append("\"explain\":\(list(explained.map { list($0.map(\.json)) }))")
        }
        return "{\(fields.joined(separator: ","))}"
    }
}

extension Contribution {
    fileprivate var json: String {
        let name = feature.name.isEmpty ? "" : "\"feature\":\(jsonString(feature.name)),"
        return "{\(name)\"index\":\(feature.index),\"value\":\(feature.value),\"weight\":\(weight),\"adds\":\(adds)}"
    }
}

private func list(_ elements: [some CustomStringConvertible]) -> String {
    var text = "["
    for (k, element) in elements.enumerated() {
        if k > 0 { text += "," }
        text += element.description
    }
    return text + "]"
}
