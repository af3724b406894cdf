internal import Domain

extension Transforms {
    /// The value of a spec's `transforms`.
    init(_ fields: inout Fields) throws(ConfigurationError) {
        let place = "the spec, 'transforms'"
        var bins: [Bins] = []
        for (name, texts) in try fields.textListsByKey("bins") ?? [:] {
            guard let feature = FeatureName(name) else {
                throw .init("\(place): '\(name)' names no feature; write namespace^name")
            }
            var edges: [Float] = []
            for (k, text) in texts.enumerated() {
                guard let edge = Float(text) else {
                    throw .init("\(place): '\(name)', edge \(k + 1): '\(text)' is not a number")
                }
                edges.append(edge)
            }
            do throws(TransformError) { bins.append(try Bins(feature, edges: edges)) } catch {
                throw .init("\(place): \(error)")
            }
        }
        var forests: [Forest] = []
        for var fields in try fields.list("trees") {
            guard let namespace = try fields.text("namespace") else {
                throw .init("\(place): a list of trees without 'namespace'")
            }
            var inputs: [FeatureName] = []
            for text in try fields.texts("inputs") ?? [] {
                guard let input = FeatureName(text) else {
                    throw .init("\(place): input '\(text)' names no feature; write namespace^name")
                }
                inputs.append(input)
            }
            do throws(TransformError) {
                var trees: [Tree] = []
                for text in try textsOfTrees(&fields) { trees.append(try Tree(text: text)) }
                forests.append(try Forest(namespace: namespace, inputs: inputs, trees: trees))
            } catch { throw .init("\(place): \(error)") }
            try fields.refuseRest()
        }
        try fields.refuseRest()
        do throws(TransformError) { try self.init(bins: bins, forests: forests) } catch {
            throw .init("\(place): \(error)")
        }
    }

    /// As lines of a spec.
    package var yaml: String {
        var text = "transforms:\n"
        if !bins.isEmpty { text += "  bins:\n" }
        for feature in bins {
            let edges = feature.edges.map(\.hexText).joined(separator: ", ")
            text += "    \(jsonString(feature.feature.text)): [\(edges)]\n"
        }
        if !forests.isEmpty { text += "  trees:\n" }
        for forest in forests {
            text += "  - namespace: \(jsonString(forest.namespace))\n"
            text += "    inputs: [\(forest.inputs.map { jsonString($0.text) }.joined(separator: ", "))]\n"
            text += "    trees:\n"
            for tree in forest.trees { text += "    - \"\(tree.text)\"\n" }
        }
        return text
    }
}

/// With the error of the caller's `do`.
private func textsOfTrees(_ fields: inout Fields) throws(TransformError) -> [String] {
    do throws(ConfigurationError) { return try fields.texts("trees") ?? [] } catch {
        throw TransformError(error.description)
    }
}
