internal import Domain
internal import Files
internal import Format
package import SystemPackage

/// What other tools read of a model: its weights that are not 0, by index.
package enum ModelExport: String, Sendable, CaseIterable {
    /// Tensors `indices` (u64) and `weights` (f32), one of each for each weight; the model's version and spec as metadata.
    /// Source: huggingface/safetensors, README, "Format".
    case safetensors
    /// The text of Vowpal Wabbit 9's `--predict_only_model --readable_model`, each weight as the shortest text that reads back
    /// to the same bits.
    case vw

    /// Writes the model, whole or not at all.
    package func write(_ model: ServableModel, to path: FilePath) throws(ModelFileError) {
        do {
            try writeWhole(to: path) { file in
                switch self {
                case .safetensors: try writeSafetensors(model, to: file)
                case .vw: try writeReadable(model, to: file)
                }
            }
        } catch { throw .system(path: path.string, error as? Errno ?? .ioError) }
    }
}

private func writeSafetensors(_ model: ServableModel, to file: FileDescriptor) throws {
    var count = 0
    try forEachPiece(of: model) { _, weights in for k in weights.indices where weights[k] != 0 { count += 1 } }
    let metadata = jsonObject([
        "version": "\"\(model.version)\"", "history": "\"\(model.history)\"",
        "watermark_ms": "\"\(model.watermarkMilliseconds)\"", "bits": "\"\(model.spec.bits)\"",
        "spec": jsonString(model.spec.yaml),
    ])
    let indices = "{\"dtype\":\"U64\",\"shape\":[\(count)],\"data_offsets\":[0,\(8 * count)]}"
    let weights = "{\"dtype\":\"F32\",\"shape\":[\(count)],\"data_offsets\":[\(8 * count),\(12 * count)]}"
    var header = Array(jsonObject(["__metadata__": metadata, "indices": indices, "weights": weights]).utf8)
    // So that the tensors lie at multiples of eight.
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    var writer = FieldWriter()
    writer.put(UInt64(header.count))
    _ = try file.writeAll(writer.bytes + header)
    try forEachPiece(of: model) { start, weights in
        var piece = FieldWriter()
        for k in weights.indices where weights[k] != 0 { piece.put(UInt64(start + k)) }
        _ = try file.writeAll(piece.bytes)
    }
    try forEachPiece(of: model) { _, weights in
        var piece = FieldWriter()
        for k in weights.indices where weights[k] != 0 { piece.put(weights[k].bitPattern) }
        _ = try file.writeAll(piece.bytes)
    }
}

private func writeReadable(_ model: ServableModel, to file: FileDescriptor) throws {
    let front = """
        Version 9.11.9
        Id \(model.history)-\(model.version)
        Min label:-1
        Max label:1
        bits:\(model.spec.bits)
        lda:0
        0 ngram:
        0 skip:
        options: --link logistic
        Checksum: 0
        :0

        """
    _ = try file.writeAll(front.utf8)
    try forEachPiece(of: model) { start, weights in
        var lines = ""
        for k in weights.indices where weights[k] != 0 { lines += "\(start + k):\(weights[k])\n" }
        _ = try file.writeAll(lines.utf8)
    }
}

private func forEachPiece(of model: ServableModel, _ body: (_ start: Int, Span<Float>) throws -> Void) throws {
    for start in stride(from: 0, to: model.table.indexCount, by: Limits.Copy.chunkIndexCount) {
        let range = start..<min(start + Limits.Copy.chunkIndexCount, model.table.indexCount)
        try model.table.withWeights(range) { weights in Result { try body(start, weights) } }.get()
    }
}
