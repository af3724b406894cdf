internal import Configuration
package import Domain
package import Features
package import Scoring

/// A model at one version, as readers see it. Nothing in it changes while a reader can reach it.
package final class ServingModel: Sendable {
    package let name: ModelName
    package let nameBytes: [UInt8]
    package let plan: Plan
    package let history: History
    package let version: Version
    /// Milliseconds since 1970 up to which all acknowledged examples are in.
    package let watermarkMilliseconds: UInt64
    package let table: WeightTable
    /// An answer's JSON up to the age's digits.
    package let answerPrefix: [UInt8]

    package init(
        name: ModelName, plan: Plan, history: History, version: Version, watermarkMilliseconds: UInt64,
        table: WeightTable
    ) {
        self.name = name
        nameBytes = Array(name.text.utf8)
        self.plan = plan
        self.history = history
        self.version = version
        self.watermarkMilliseconds = watermarkMilliseconds
        self.table = table
        answerPrefix = Array(
            """
            {"model_name":\(jsonString(name.text)),"model_version":"\(version)",\
            "parameters":{"version":\(version),"history":"\(history)","age_ms":
            """.utf8)
    }

    package convenience init(_ name: ModelName, _ model: ServableModel) {
        self.init(
            name: name, plan: Plan(model.spec), history: model.history, version: model.version,
            watermarkMilliseconds: model.watermarkMilliseconds, table: model.table)
    }

    package var spec: ModelSpec { plan.spec }
    package var fingerprint: Fingerprint { plan.fingerprint }

    /// The same weights, known to be current up to another time.
    package func with(watermarkMilliseconds: UInt64) -> ServingModel {
        ServingModel(
            name: name, plan: plan, history: history, version: version,
            watermarkMilliseconds: watermarkMilliseconds, table: table)
    }

    /// Milliseconds since the watermark; 0 when clocks disagree.
    package func ageMilliseconds(now: UInt64) -> UInt64 { now - min(now, watermarkMilliseconds) }
}
