package import Domain
package import Features
internal import Files
internal import SystemPackage
internal import Transport

extension Tape {
    /// Finds batches of a model, and keeps their files until `release`. `told` is called on the reading thread.
    package func find(
        _ history: History, _ batches: [BatchID], of trainer: ModelName,
        _ told: @escaping @Sendable (Result<TapeFinding, any Error>) -> Void
    ) {
        reading {
            let wanted = Set(batches)
            told(
                Result {
                    var finding = TapeFinding()
                    try self.scan({ name, range, found, record in
                        guard found == history, case .batch(let batch, let taker, _) = record, wanted.contains(batch)
                        else { return }
                        finding.places[batch] = TapePlace(file: name, range: range)
                        if taker == trainer { finding.ofTrainer.append(batch) }
                    }) { needed in
                        needed.files[history] = finding.places.values.lazy.map(\.file.number).min()
                    }
                    return finding
                })
        }
    }

    /// What was found for a model's un-learning is not needed any more.
    package func release(_ history: History) {
        reading { self.needed.withLockedValue { $0.files[history] = nil } }
    }

    /// The commits of a model by their hashes.
    package func headers(_ history: History) async throws -> [UInt64: CommitHeader] {
        try await withCheckedContinuation { continuation in
            reading {
                continuation.resume(
                    returning: Result {
                        var headers: [UInt64: CommitHeader] = [:]
                        try self.scan({ _, _, found, record in
                            if found == history, case .header(let header) = record { headers[header.hash] = header }
                        })
                        return headers
                    })
            }
        }.get()
    }

    package func read(_ place: TapePlace) throws -> (trainer: ModelName?, examples: ExampleBatch)? {
        let file = try FileDescriptor.open(folder.appending(place.file.file), .readOnly)
        let bytes = try file.closeAfter { try readBytes(file, place.range) }
        guard case .batch(_, let trainer, let examples)? = TapeRecord.read(bytes, at: 0)?.record else { return nil }
        return (trainer, examples)
    }

    /// Runs `body` on the reading thread, behind everything that waits to be written.
    private func reading(_ body: @escaping @Sendable () -> Void) {
        thread.run {
            self.write()
            self.readingThread.run(body)
        }
    }

    /// Gives every record to `body`; nothing of the tape goes meanwhile. Then `ended` may say what is needed further.
    private func scan(
        _ body: (Name, Range<Int>, History, TapeRecord) -> Void, ended: (inout Needed) -> Void = { _ in }
    ) throws {
        needed.withLockedValue { $0.isScanned = true }
        defer {
            needed.withLockedValue { needed in
                ended(&needed)
                needed.isScanned = false
            }
        }
        for name in try files() {
            let bytes = try readFile(folder.appending(name.file))
            var at = 0
            while let (history, record, end) = TapeRecord.read(bytes, at: at) {
                body(name, at..<end, history, record)
                at = end
            }
        }
    }
}
