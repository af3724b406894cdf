import Domain
import Fitting
import TestSupport
import Testing

@Suite("Trees are fitted on log loss, and read as other programs mean them")
struct TreeTests {
    @Test("the first split is the one that lowers the loss most, found by trying all")
    func bestSplit() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20 {
            let rows = (0..<200).map { _ in (0..<3).map { _ in Float(Int.random(in: 0..<12, using: &random)) } }
            let labels = rows.map {
                $0[1] > 5 ? Int.random(in: 0..<4, using: &random) > 0 : Int.random(in: 0..<4, using: &random) == 0
            }
            var summaries = (0..<3).map { _ in ValueSummary() }
            for (row, label) in zip(rows, labels) { for k in 0..<3 { summaries[k].add(row[k], isPositive: label) } }
            var fit = TreeFit(
                ["n^a", "n^b", "n^c"].map { FeatureName($0)! },
                summaries: summaries.indices.map { summaries[$0].finished() })
            for (row, label) in zip(rows, labels) { fit.add(isPositive: label, weight: 1, row[...]) }
            var options = TreeFit.Options()
            (options.depth, options.leafCount, options.minimumWeight) = (1, 2, 1)
            let tree = fit.grow(options)
            guard case .split(let input, let edge, _, _, _) = tree.nodes[0] else {
                Issue.record("no split")
                continue
            }
            func loss(_ input: Int, _ edge: Float) -> Double {
                let left = zip(rows, labels).filter { $0.0[input] < edge }.map(\.1)
                let right = zip(rows, labels).filter { $0.0[input] >= edge }.map(\.1)
                return deviance(left) + deviance(right)
            }
            let best = (0..<3).flatMap { k in (1..<12).map { loss(k, Float($0) - 0.5) } }.min()!
            #expect(abs(loss(input, edge) - best) < 1e-9)
        }
    }

    private func deviance(_ labels: [Bool]) -> Double {
        let share = Double(labels.count { $0 }) / Double(labels.count)
        guard share > 0, share < 1 else { return 0 }
        return -Double(labels.count) * (share * logarithm(share) + (1 - share) * logarithm(1 - share))
    }

    @Test("a tree has no more leaves, no more depth and no lighter leaves than asked")
    func bounds() throws {
        var fit = TreeFit(
            [FeatureName("n^a")!],
            summaries: [
                {
                    var summary = ValueSummary()
                    for k in 0..<1000 { summary.add(Float(k), isPositive: k % 7 < 3) }
                    return summary.finished()
                }()
            ])
        for k in 0..<1000 { fit.add(isPositive: k % 7 < 3, weight: 1, [Float(k)]) }
        var options = TreeFit.Options()
        (options.depth, options.leafCount, options.minimumWeight) = (3, 5, 10)
        let tree = fit.grow(options)
        #expect(tree.nodes.count <= 9)
        #expect(try Tree(text: tree.text) == tree)
    }

    private let xgboost = """
        {"version":[2,1,4],"learner":{"feature_names":["n^a","n^b"],"gradient_booster":{"name":"gbtree","model":{"trees":[
        {"left_children":[1,3,-1,-1,-1],"right_children":[2,4,-1,-1,-1],"split_indices":[1,0,0,0,0],
        "split_conditions":[0.5,1.25E0,0,0,0],"default_left":[0,1,0,0,0],"split_type":[0,0,0,0,0]}]}}}}
        """

    @Test("XGBoost: left below the split, leaves by node number, missing where the default is")
    func xgboostModel() throws {
        let imported = try ImportedTrees(xgboost)
        #expect(imported.inputNames == ["n^a", "n^b"])
        #expect(imported.trees.map(\.text) == ["1<0x1p-1,r 0<0x1.4p+0,l =3 =4 =2"])
    }

    private let lightgbm = """
        tree
        version=v4
        num_class=1
        feature_names=n^a n^b

        Tree=0
        num_leaves=4
        num_cat=0
        split_feature=0 1 0
        threshold=0.5 1.5000000000000002 -1e-20
        decision_type=10 4 0
        left_child=1 -1 -3
        right_child=2 -2 -4
        leaf_value=1 2 3 4

        end of trees
        """

    @Test("LightGBM: left up to the threshold, leaves by leaf number, the three ways to be missing")
    func lightgbmModel() throws {
        let imported = try ImportedTrees(lightgbm)
        #expect(imported.inputNames == ["n^a", "n^b"])
        // 0.5 itself goes left; 1.5000000000000002 is no Float, 1.5 goes left; NaN is compared as 0 where nothing is missing.
        let text = imported.trees[0].text
        let edges = [Float(0.5).nextUp, Float(1.5).nextUp].map(\.hexText)
        #expect(text.hasPrefix("0<\(edges[0]),l 1<\(edges[1]),R =0 =1 0<"))
        #expect(text.hasSuffix(",r =2 =3"))
    }

    @Test(
        "what cannot be read is told",
        arguments: [
            ("{\"version\":[4,0,0],", "the model is of XGBoost 4.0.0; this release reads 1 to 3"),
            ("\"split_type\":[1,", "tree 0, node 0: a categorical split; only numbers are compared here"),
            ("\"left_children\":[0,3,-1,-1,-1]", "goes in a circle"),
            ("\"left_children\":[9,3,-1,-1,-1]", "tree 0, node 9: the arrays do not have this node"),
            ("\"left_children\":[1,3]", "tree 0: its arrays differ in length"),
            ("\"name\":\"gblinear\",\"modal\"", "booster 'gblinear' has no trees"),
            ("\"learner\":[", "this is not a JSON model of XGBoost"),
        ])
    func xgboostErrors(_ change: String, _ sentence: String) {
        let key = change.prefix { $0 != ":" }
        var text = xgboost
        if let place = text.firstRange(of: key) {
            let end =
                change.hasPrefix("\"learner")
                ? text.endIndex
                : change.contains("gblinear")
                    ? text.firstRange(of: "\"model\"")!.upperBound
                    : text[place.lowerBound...].firstIndex(of: "]").map { text.index(after: $0) }!
            let tail =
                change.hasSuffix("]") || change.contains("gblinear")
                ? change : change + (change.hasPrefix("\"split_type") ? "0,0,0,0]" : "")
            if change.hasPrefix("{\"version") {
                text.replaceSubrange(text.startIndex..<text.index(after: end), with: change)
            } else {
                text.replaceSubrange(place.lowerBound..<end, with: tail)
            }
        }
        #expect { try ImportedTrees(text) } throws: { "\($0)".contains(sentence) }
    }

    @Test(
        "LightGBM's errors",
        arguments: [
            ("version=v4", "version=v9", "the model's format is 'v9'; this release reads LightGBM's v3 and v4"),
            ("num_cat=0", "num_cat=1", "tree 0 has a categorical split"),
            ("end of trees", "", "ends before 'end of trees'"),
            ("threshold=0.5 ", "threshold=half ", "tree 0, threshold: 'half' is not a number"),
            ("left_child=1 -1", "left_child=-1", "tree 0: its arrays differ in length"),
            ("left_child=1 -1 -3", "left_child=1 0 -3", "goes in a circle"),
            ("tree\n", "model\n", "neither a JSON model of XGBoost nor a text model of LightGBM"),
        ])
    func lightgbmErrors(_ old: String, _ new: String, _ sentence: String) {
        let text = lightgbm.replacing(old, with: new, maxReplacements: 1)
        #expect { try ImportedTrees(text) } throws: { "\($0)".contains(sentence) }
    }
}

private func logarithm(_ value: Double) -> Double {
    // ln x = 2 artanh((x − 1) / (x + 1)), summed until it stands.
    let z = (value - 1) / (value + 1)
    var (term, sum, k) = (z, 0.0, 1.0)
    while abs(term) > 1e-18 && k < 100_000 {
        sum += term / k
        term *= z * z
        k += 2
    }
    return 2 * sum
}
