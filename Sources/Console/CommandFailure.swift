/// What a command could not do, in a sentence; shown without the usage text, which would not help.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
