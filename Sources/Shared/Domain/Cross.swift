/// Namespaces whose features are multiplied with each other: one letter each, the first of a namespace's name, as in Vowpal
/// Wabbit's `-q` and `--interactions`. A colon stands for any namespace that an example has.
package struct Cross: Equatable, Sendable {
    package static let any = UInt8(ascii: ":")
    package static let lengths: ClosedRange<Int> = 2...8

    /// First bytes of namespaces; a space is the namespace without a name.
    package let namespaces: [UInt8]

    /// Nil unless it has 2 to 8 printable ASCII letters.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard Self.lengths.contains(bytes.count), bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        namespaces = bytes
    }

    package var text: String { String(decoding: namespaces, as: UTF8.self) }
}
