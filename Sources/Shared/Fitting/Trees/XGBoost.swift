internal import Domain
internal import Foundation

/// Reads a model that XGBoost saved as JSON: boosters `gbtree` and `dart`, numeric splits. A leaf keeps its node number, which
/// is what `pred_leaf` gives.
///
/// - Source: dmlc/xgboost, `doc/model.schema`.
func importXGBoost(_ text: String) throws(TransformError) -> ImportedTrees {
    let model: XGBoostFile
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do { model = try decoder.decode(XGBoostFile.self, from: Data(text.utf8)) } catch {
        throw .init("this is not a JSON model of XGBoost: \(sentence(error))")
    }
    guard let major = model.version.first, major <= knownMajor else {
        throw .init(
            "the model is of XGBoost \(model.version.map(String.init).joined(separator: ".")); this release reads 1 to \(knownMajor)"
        )
    }
    let booster = model.learner.gradientBooster
    guard ["gbtree", "dart"].contains(booster.name), let trees = booster.model?.trees ?? booster.gbtree?.model?.trees
    else {
        throw .init("booster '\(booster.name)' has no trees; 'gbtree' and 'dart' do")
    }
    var imported: [Tree] = []
    // Nodes that were pruned stay in the file; a walk does not come to them.
    for (number, tree) in trees.enumerated() { imported.append(try tree.tree("tree \(number)")) }
    return ImportedTrees(inputNames: model.learner.featureNames ?? [], trees: imported)
}
private let knownMajor = 3

private func sentence(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, let place):
        "\(place.codingPath.map(\.stringValue).joined(separator: ".")) has no '\(key.stringValue)'"
    case DecodingError.typeMismatch(_, let place), DecodingError.valueNotFound(_, let place):
        "\(place.codingPath.map(\.stringValue).joined(separator: ".")): \(place.debugDescription)"
    case DecodingError.dataCorrupted(let place): place.debugDescription
    default: "\(error)"
    }
}

// The names are the file's, in camel case.
private struct XGBoostFile: Decodable {
    var version: [Int]
    var learner: Learner

    struct Learner: Decodable {
        var featureNames: [String]?
        var gradientBooster: Booster
    }
    struct Booster: Decodable {
        var name: String
        var model: Model?
        var gbtree: Inner?
    }
    struct Inner: Decodable { var model: Model? }
    struct Model: Decodable { var trees: [XGBoostTree] }
}

private struct XGBoostTree: Decodable {
    var leftChildren: [Int]
    var rightChildren: [Int]
    var splitIndices: [Int]
    var splitConditions: [Float]
    var defaultLeft: [Flag]
    var splitType: [Int]?

    /// 0 and 1, or false and true, as releases differ.
    struct Flag: Decodable {
        var isSet: Bool
        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            isSet = try (try? value.decode(Bool.self)) ?? (value.decode(Int.self) != 0)
        }
    }

    func tree(_ place: String) throws(TransformError) -> Tree {
        let counts = [rightChildren.count, splitIndices.count, splitConditions.count, defaultLeft.count]
        guard counts.allSatisfy({ $0 == leftChildren.count }), !leftChildren.isEmpty else {
            throw .init("\(place): its arrays differ in length")
        }
        if let kind = splitType?.firstIndex(where: { $0 != 0 }) {
            throw .init("\(place), node \(kind): a categorical split; only numbers are compared here")
        }
        let arrays = ChildArrays { number in
            guard leftChildren.indices.contains(number), splitIndices[number] >= 0 else { return nil }
            let node = Tree.Node.split(
                input: splitIndices[number], edge: splitConditions[number],
                missing: defaultLeft[number].isSet ? .left : .right, zeroIsMissing: false, right: 0)
            return (node, child(leftChildren[number]), child(rightChildren[number]))
        }
        return try arrays.tree(from: child(0), place: place)
    }

    private func child(_ number: Int) -> ChildArrays.Child {
        let isLeaf = leftChildren.indices.contains(number) && leftChildren[number] == -1
        return isLeaf ? .leaf(Int32(truncatingIfNeeded: number)) : .split(number)
    }
}
