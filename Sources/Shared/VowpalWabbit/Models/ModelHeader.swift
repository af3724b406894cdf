internal import Features
internal import Format

/// The front of a Vowpal Wabbit model: what stands before its weights.
///
/// - Source: Vowpal Wabbit's `parse_regressor.cc` (`save_load_header`), `io_buf.h`.
package struct ModelHeader: Sendable, Equatable {
    /// Of the Vowpal Wabbit whose format this is; written to models, so that Vowpal Wabbit of that version or later
    /// reads them.
    package static let version = "9.11.9"

    package var version = Self.version
    package var id = ""
    package var minLabel: Float = 0
    package var maxLabel: Float = 0
    package var bits = 18
    package var ngrams: [String] = []
    package var skips: [String] = []
    /// The options kept, beginning with a space where there are any.
    package var options = ""
    /// What `sluice vw` writes behind the options, where Vowpal Wabbit does not look: byte count and CRC-32C of all
    /// that follows the header.
    /// Vowpal Wabbit's own format would not notice a lost row.
    var seal: Seal?

    struct Seal: Equatable, Sendable {
        var byteCount: UInt64
        var checksum: UInt32

        init(byteCount: UInt64, checksum: UInt32) { (self.byteCount, self.checksum) = (byteCount, checksum) }
    }

    package init() {}

    /// The options kept, with those that the header keeps by themselves, as a command line.
    package var commandLine: String {
        options + ngrams.map { " --ngram \($0)" }.joined() + skips.map { " --skips \($0)" }.joined()
            + " --bit_precision \(bits)" + (id.isEmpty ? "" : " --id \(id)")
    }

    /// The header's pieces, as Vowpal Wabbit writes and checksums them.
    private var pieces: [[UInt8]] {
        var pieces: [[UInt8]] = []
        func add(_ write: (inout FieldWriter) -> Void) {
            var writer = FieldWriter()
            write(&writer)
            if !writer.bytes.isEmpty { pieces.append(writer.bytes) }
        }
        func addText(_ text: [UInt8]) {
            add { $0.put(UInt32(text.count)) }
            pieces.append(text)
        }
        addText(Array(id.utf8) + [0])
        add { $0.put(UInt8(ascii: "m")) }
        for number in [minLabel.bitPattern, maxLabel.bitPattern, UInt32(bits), 0] { add { $0.put(number) } }
        for texts in [ngrams, skips] {
            add { $0.put(UInt32(texts.count)) }
            for text in texts { pieces.append(Array((Array(text.utf8) + [0, 0, 0]).prefix(3))) }
        }
        addText(Array(options.utf8) + [0] + (seal?.bytes ?? []))
        return pieces
    }

    package var bytes: [UInt8] {
        var writer = FieldWriter()
        writer.put(UInt32(version.utf8.count + 1))
        var bytes = writer.bytes + Array(version.utf8) + [0]
        for piece in pieces { bytes += piece }
        var sum = FieldWriter()
        sum.put(4 as UInt32)
        sum.put(chained(pieces))
        return bytes + sum.bytes
    }

    /// The header of a readable model.
    package var text: String {
        var pieces = ["Id \(id)\n"]
        pieces += [
            "Min label:\(shortest(minLabel))\n", "Max label:\(shortest(maxLabel))\n", "bits:\(bits)\n", "lda:0\n",
        ]
        for (texts, name) in [(ngrams, "ngram"), (skips, "skip")] {
            pieces.append("\(texts.count) \(name):")
            pieces += texts.map { "\($0) " }
            pieces.append("\n")
        }
        pieces.append("options:\(options)\n")
        return "Version \(version)\n" + pieces.joined() + "Checksum: \(chained(pieces.map { Array($0.utf8) }))\n"
    }
}

/// Vowpal Wabbit's checksum: the hash of each piece, begun with that of the piece before.
func chained(_ pieces: [[UInt8]]) -> UInt32 {
    pieces.reduce(0) { sum, piece in ByteWindow(piece).withText { murmur32($0, piece.count, seed: sum) } }
}

extension ModelHeader.Seal {
    private static let magic: [UInt8] = Array("sluice".utf8)

    var bytes: [UInt8] {
        var writer = FieldWriter()
        writer.put(byteCount)
        writer.put(checksum)
        return Self.magic + writer.bytes + [0]
    }

    /// Nil where these bytes are no seal.
    init?(_ bytes: ArraySlice<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == Self.magic.count + 13, bytes.starts(with: Self.magic), bytes.last == 0 else { return nil }
        var fields = FieldReader(bytes, Self.magic.count..<bytes.count - 1)
        do throws(FormatError) { (byteCount, checksum) = (try fields.take(), try fields.take()) } catch { return nil }
    }

    init(of body: [UInt8]) {
        var sum = CRC32C()
        sum.add(body.span)
        self.init(byteCount: UInt64(body.count), checksum: sum.value)
    }
}
