internal import Domain
internal import Foundation

/// Reads a model that XGBoost saved as JSON: boosters `gbtree` and `dart`, numeric splits. A leaf keeps its node number, which
/// is what `pred_leaf` gives.
///
/// - Source: dmlc/xgboost, `doc/model.schema`.
func importXGBoost(_ text: String) throws(TransformError) -> ImportedTrees {
    let model: XGBoostFile
    do { model = try JSONDecoder().decode(XGBoostFile.self, from: Data(text.utf8)) } catch {
        throw .init("this is not a JSON model of XGBoost: \(sentence(error))")
    }
    guard let major = model.version.first, major <= knownMajor else {
        throw .init(
            "the model is of XGBoost \(model.version.map(String.init).joined(separator: ".")); this release reads 1 to \(knownMajor)"
        )
    }
    let booster = model.learner.gradient_booster
    guard let trees = booster.model?.trees ?? booster.gbtree?.model?.trees else {
        throw .init("booster '\(booster.name)' has no trees; 'gbtree' and 'dart' do")
    }
    var count = 0
    var imported: [Tree] = []
    for (number, tree) in trees.enumerated() {
        count = max(count, (tree.split_indices.max() ?? -1) + 1)
        imported.append(try tree.tree("tree \(number)"))
    }
    let given = model.learner.feature_names ?? []
    let names = (0..<max(count, given.count)).map { $0 < given.count ? given[$0] : "f\($0)" }
    return ImportedTrees(inputNames: names, trees: imported)
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

// The names are the file's.
private struct XGBoostFile: Decodable {
    var version: [Int]
    var learner: Learner

    struct Learner: Decodable {
        var feature_names: [String]?
        var gradient_booster: Booster
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
    var left_children: [Int]
    var right_children: [Int]
    var split_indices: [Int]
    var split_conditions: [Float]
    var default_left: [Flag]
    var split_type: [Int]?

    /// 0 and 1, or false and true, as releases differ.
    struct Flag: Decodable {
        var isSet: Bool
        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            isSet = try (try? value.decode(Bool.self)) ?? (value.decode(Int.self) != 0)
        }
    }

    func tree(_ place: String) throws(TransformError) -> Tree {
        let counts = [right_children.count, split_indices.count, split_conditions.count, default_left.count]
        guard counts.allSatisfy({ $0 == left_children.count }), !left_children.isEmpty else {
            throw .init("\(place): its arrays differ in length")
        }
        if let kind = split_type?.firstIndex(where: { $0 != 0 }) {
            throw .init("\(place), node \(kind): a categorical split; only numbers are compared here")
        }
        let arrays = ChildArrays { number in
            guard left_children.indices.contains(number), split_indices[number] >= 0 else { return nil }
            let node = Tree.Node.split(
                input: split_indices[number], edge: split_conditions[number],
                missing: default_left[number].isSet ? .left : .right, zeroIsMissing: false, right: 0)
            return (node, child(left_children[number]), child(right_children[number]))
        }
        return try arrays.tree(from: child(0), place: place)
    }

    private func child(_ number: Int) -> ChildArrays.Child {
        let isLeaf = left_children.indices.contains(number) && left_children[number] == -1
        return isLeaf ? .leaf(Int32(truncatingIfNeeded: number)) : .split(number)
    }
}
