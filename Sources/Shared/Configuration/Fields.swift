internal import Yams

/// What is wrong with a file, in a sentence that says where and what to do.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A YAML mapping read key by key; `refuseRest` names the keys nobody asked for.
package struct Fields {
    private let place: String
    private var values: [String: Node] = [:]
    private var known: [String] = []

    package init(yaml: String, of place: String) throws(ConfigurationError) {
        let node: Node?
        do { node = try Yams.compose(yaml: yaml) } catch {
            // The parser draws the place over several lines; the first says what and where.
            let reason = "\(error)".split(separator: "\n").first ?? ""
            throw .init("\(place) is not YAML: \(reason)")
        }
        try self.init(node, of: place)
    }

    private init(_ node: Node?, of place: String) throws(ConfigurationError) {
        self.place = place
        guard let node, !(node.scalar?.string.isEmpty ?? false) else { return }
        guard let mapping = node.mapping else { throw .init("\(place) is not a mapping of keys to values") }
        for (key, value) in mapping {
            guard let key = key.string else { throw .init("\(place) has a key that is not text") }
            guard values.updateValue(value, forKey: key) == nil else { throw .init("\(place): '\(key)' stands twice") }
        }
    }

    private mutating func take(_ key: String) -> Node? {
        known.append(key)
        return values.removeValue(forKey: key)
    }

    package mutating func text(_ key: String) throws(ConfigurationError) -> String? {
        guard let node = take(key) else { return nil }
        guard let text = node.scalar?.string else { throw .init("\(place): '\(key)' wants one value") }
        return text
    }

    package mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let text = try text(key) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw .init(
                "\(place): '\(key)' is '\(text)', but must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    package mutating func number(_ key: String, in range: ClosedRange<Float>) throws(ConfigurationError) -> Float? {
        guard let text = try text(key) else { return nil }
        guard let value = Float(text), range.contains(value) else {
            throw .init(
                "\(place): '\(key)' is '\(text)', but must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    package mutating func boolean(_ key: String) throws(ConfigurationError) -> Bool? {
        guard let text = try text(key) else { return nil }
        switch text {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw .init("\(place): '\(key)' is '\(text)', but must be true or false")
        }
    }

    /// A length of time such as `100ms`, `2s`, `1m`.
    package mutating func duration(_ key: String, in range: ClosedRange<Duration>) throws(ConfigurationError)
        -> Duration?
    {
        guard let text = try text(key) else { return nil }
        guard let value = Duration(text: text), range.contains(value) else {
            throw .init(
                "\(place): '\(key)' is '\(text)', but must be a time from \(range.lowerBound) to \(range.upperBound), such as 100ms"
            )
        }
        return value
    }

    package mutating func fields(_ key: String) throws(ConfigurationError) -> Fields? {
        guard let node = take(key) else { return nil }
        return try Fields(node, of: "\(place), '\(key)'")
    }

    package mutating func list(_ key: String) throws(ConfigurationError) -> [Fields] {
        guard let node = take(key) else { return [] }
        guard let sequence = node.sequence else { throw .init("\(place): '\(key)' wants a list") }
        var all: [Fields] = []
        for (k, node) in sequence.enumerated() {
            all.append(try Fields(node, of: "\(place), '\(key)' number \(k + 1)"))
        }
        return all
    }

    package mutating func texts(_ key: String) throws(ConfigurationError) -> [String]? {
        guard let node = take(key) else { return nil }
        guard let sequence = node.sequence else { throw .init("\(place): '\(key)' wants a list") }
        let texts = sequence.compactMap { $0.scalar?.string }
        guard texts.count == sequence.count else { throw .init("\(place): '\(key)' wants a list of single values") }
        return texts
    }

    package mutating func textsByKey(_ key: String) throws(ConfigurationError) -> [String: String]? {
        guard let fields = try fields(key) else { return nil }
        var texts: [String: String] = [:]
        for (key, node) in fields.values {
            guard let text = node.scalar?.string else { throw .init("\(fields.place): '\(key)' wants one value") }
            texts[key] = text
        }
        return texts
    }

    package mutating func textListsByKey(_ key: String) throws(ConfigurationError) -> [String: [String]]? {
        guard var fields = try fields(key) else { return nil }
        var lists: [String: [String]] = [:]
        for key in fields.values.keys.sorted() { lists[key] = try fields.texts(key) }
        return lists
    }

    /// Keys in the order of the file's mapping that were not asked for are an error that names the known ones.
    package func refuseRest() throws(ConfigurationError) {
        guard let key = values.keys.min() else { return }
        throw .init("\(place): unknown key '\(key)'; known are \(known.joined(separator: ", "))")
    }
}

extension Duration {
    package init?(text: String) {
        let units: [(String, Duration)] = [
            ("ms", .milliseconds(1)), ("us", .microseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)),
            ("h", .seconds(3600)),
        ]
        for (suffix, unit) in units where text.hasSuffix(suffix) {
            guard let count = Double(text.dropLast(suffix.count)), count >= 0, count < 1e6 else { return nil }
            self = unit * count
            return
        }
        return nil
    }

    /// Seconds as a number.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
