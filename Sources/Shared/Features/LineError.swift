internal import Domain

/// Why a line was refused, and where.
package struct LineError: Equatable, Sendable {
    /// Counted from 1 in the body or file.
    package var line: Int
    /// Byte in the line, counted from 1.
    package var column: Int
    package var reason: Reason

    package init(line: Int, column: Int, reason: Reason) {
        self.line = line
        self.column = column
        self.reason = reason
    }

    package enum Reason: String, Error, Equatable, Sendable {
        case noLabel = "no label; write 1 or -1 (or 0) first"
        case wrongLabel = "this label is not 1, -1 or 0"
        case wrongImportance = "the importance is not a number above 0 and at most 65536"
        case initialPrediction = "an initial prediction is not supported; leave the third number out"
        case tooManyLabelTokens = "too many tokens before the first '|'"
        case valueMissing = "no value after ':'"
        case valueNotANumber = "the value is NaN"
        case valueInfinite = "the value is infinite"
        case valueTooLarge = "the value is beyond 4294967296 in magnitude"
        case secondColon = "a second ':' in one feature"
        case namespaceWeight = "the namespace's weight is not a finite number"
        case tooManyFeatures = "more than 4096 features"
        case crossTooLarge = "a cross's value may be beyond 4294967296 in magnitude"
        case tooManyCrosses = "its crosses make more than 4096 features; cross fewer or smaller namespaces"
        case valueNotNumeric = "the value is not a number"
        case indexNotDigits = "an index is a whole number"
        case queryID = "qid: groups of a query are not learned; leave it out"
        case fieldMissing = "a feature of libffm is field:index:value"
        case criteoColumnCount = "a line has 40 columns between tabs: a label, 13 numbers, 26 categories"
        case labelMissing = "no label; it is 1, -1 or 0"
        case jsonObject = "a line is one JSON object"
        case jsonKey = "a key in quotes is wanted here"
        case jsonColon = "':' is wanted behind a key"
        case jsonComma = "',' is wanted here, or the end of what was begun"
        case jsonOpenString = "a string does not end in its line"
        case jsonControl = "a control character in a string; write it as \\u00XX"
        case jsonEscape = "this is no escape of JSON"
        case jsonUnknownKey = "an unknown key; known are label, importance, features, tag and id"
        case jsonKeyTwice = "this key stands twice"
        case jsonScalar = "a number, a string, true, false or null is wanted here"
        case jsonListTrue = "a list holds names and numbers, not true"
        case jsonFeatures = "features is an object of namespaces"
        case jsonNamespace = "a namespace is an object or a list"
        case jsonBehind = "something stands behind the object"
        case csvColumnCount = "not as many columns as the header has"
        case csvQuote =
            "a quote inside a field, or something behind a quoted one; write a quote as two in a quoted field"
        case csvOpenQuote = "a quoted field does not end in its line"
        case tooLong = "the line is longer than 262144 bytes"
    }
}

extension LineError: CustomStringConvertible {
    package var description: String { "line \(line), column \(column): \(reason.rawValue)" }
}

/// The errors of a batch: the first few told, the rest counted.
package struct LineErrors: Equatable, Sendable {
    package private(set) var told: [LineError] = []
    package private(set) var count = 0

    package init() {}

    package mutating func append(_ error: LineError) {
        count += 1
        if told.count < Limits.Features.reportedErrorsMax { told.append(error) }
    }

    /// The same errors, `lines` further down.
    package func shifted(by lines: Int) -> LineErrors {
        var shifted = self
        for k in shifted.told.indices { shifted.told[k].line += lines }
        return shifted
    }
}
