internal import Domain
internal import Features
internal import SystemPackage

/// A saved model in memory: what `sluice learn --save` and `sluice-server export` write, ready to score inside any program.
///
/// Never changes; any number of scorers on any threads may share it. Loading a newer version is loading another model.
public struct Model: Sendable {
    let servable: ServableModel
    let plan: Plan

    /// Loads a model.
    ///
    /// - Parameter folder: the folder of `model.sluice`.
    /// - Throws: what is wrong with the file, and where.
    /// - Cost: four bytes a index that has a weight, or fewer; time of reading the file.
    public init(contentsOf folder: String) throws(ScoringError) {
        do throws(ModelFileError) { servable = try ModelFile.read(from: FilePath(folder)) } catch {
            throw ScoringError("\(error)")
        }
        plan = Plan(servable.spec)
    }

    /// Examples that were learned, with operators' commands; within one history a version always means the same weights.
    public var version: UInt64 { servable.version.rawValue }
    /// 16 hexadecimal digits.
    public var history: String { "\(servable.history)" }
    /// What made the model's features of text, 16 hexadecimal digits: indices from elsewhere must come from a plan with the same.
    public var fingerprint: String { "\(plan.fingerprint)" }
    /// Indices are below it. A power of two.
    public var indexCount: Int { servable.table.indexCount }
}

/// Why something cannot be loaded or scored, in a sentence.
public struct ScoringError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
