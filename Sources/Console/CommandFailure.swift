/// What a command could not do, in a sentence; shown without the usage text, which would not help.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    /// Trying again cannot help.
    let isFinal: Bool

    init(_ description: String, isFinal: Bool = false) {
        self.description = description
        self.isFinal = isFinal
    }
}
