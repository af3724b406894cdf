internal import Domain
internal import Files
package import SystemPackage

/// A journal's segments as files of a folder, NUMBER.journal.
///
/// Used by one thread at a time: the one that writes the journal.
package final class FileDisk: JournalDisk {
    private let folder: FilePath
    private var open: (segment: UInt64, file: FileDescriptor)?
    /// Open as long as this is: another process keeps away.
    private var lock: FileDescriptor?

    /// Makes the folder when it is missing.
    package init(_ folder: FilePath, lockWait: Duration = Limits.Journal.lockWait) throws(DiskFailure) {
        self.folder = folder
        let lock: FileDescriptor?
        do throws(Errno) {
            try makeFolders(folder)
            lock = try Self.lock(folder.appending("lock"), wait: lockWait)
        } catch { throw Self.failure(folder, error) }
        guard let lock else {
            throw DiskFailure(.broken, "\(folder): another process uses it; give each node a state folder of its own")
        }
        self.lock = lock
    }

    /// A process that was just killed may hold its lock for a moment longer.
    private static func lock(_ path: FilePath, wait: Duration) throws(Errno) -> FileDescriptor? {
        let deadline = ContinuousClock.now + wait
        while true {
            if let lock = try lockFile(path) { return lock }
            guard ContinuousClock.now < deadline else { return nil }
            pauseThread(milliseconds: 20)
        }
    }

    deinit { close() }

    package func close() {
        try? open?.file.close()  // everything that was promised is synced
        try? lock?.close()  // nothing is in it
        (open, lock) = (nil, nil)
    }

    package func path(of segment: UInt64) -> String { place(segment).string }

    package func segments() throws(DiskFailure) -> [UInt64] {
        do throws(Errno) {
            return try listFolder(folder).compactMap { name in
                name.hasSuffix(".journal") ? UInt64(name.dropLast(8)) : nil
            }.sorted()
        } catch { throw Self.failure(folder, error) }
    }

    package func read(_ segment: UInt64) throws(DiskFailure) -> [UInt8] {
        do { return try readFile(place(segment)) } catch { throw Self.failure(place(segment), error) }
    }

    package func read(_ segment: UInt64, _ range: Range<Int>) throws(DiskFailure) -> [UInt8] {
        do {
            let file = try FileDescriptor.open(place(segment), .readOnly)
            defer { try? file.close() }  // read only: nothing is lost
            return try readBytes(file, range)
        } catch { throw Self.failure(place(segment), error) }
    }

    package func read(
        _ segment: UInt64, _ range: Range<Int>, into bytes: inout [UInt8]
    ) throws(DiskFailure) {
        do {
            let file = try FileDescriptor.open(place(segment), .readOnly)
            defer { try? file.close() }  // read only: nothing is lost
            try readBytes(file, range, into: &bytes)
        } catch { throw Self.failure(place(segment), error) }
    }

    package func byteCount(of segment: UInt64) throws(DiskFailure) -> Int {
        do {
            let file = try FileDescriptor.open(place(segment), .readOnly)
            return try file.closeAfter { Int(try file.seek(offset: 0, from: .end)) }
        } catch { throw Self.failure(place(segment), error) }
    }

    package func make(_ segment: UInt64, from old: UInt64?, byteCount: Int) throws(DiskFailure) {
        let path = place(segment)
        do {
            // After a full disk it may have its name already.
            let isThere = try listFolder(folder).contains(path.lastComponent?.string ?? "")
            if let old { try isThere ? removeFile(place(old)) : rename(place(old), to: path) }
            let file = try FileDescriptor.open(
                path, .readWrite, options: [.create], permissions: [.ownerReadWrite])
            do throws(Errno) {
                try allocate(file, byteCount: byteCount)
                try Files.sync(file)
                try syncFolder(folder)
            } catch {
                try? file.close()  // the first error is told
                if old == nil && !isThere { try removeFile(path) }
                throw error
            }
            use(file, for: segment)
        } catch { throw Self.failure(path, error) }
    }

    package func write(_ bytes: [UInt8], to segment: UInt64, at offset: Int) throws(DiskFailure) {
        do { try descriptor(segment).writeAll(toAbsoluteOffset: Int64(offset), bytes) } catch {
            throw Self.failure(place(segment), error)
        }
    }

    package func sync(_ segment: UInt64) throws(DiskFailure) {
        do { try syncData(try descriptor(segment)) } catch { throw Self.failure(place(segment), error, isSync: true) }
    }

    package func remove(_ segment: UInt64) throws(DiskFailure) {
        do throws(Errno) { try removeFile(place(segment)) } catch { throw Self.failure(place(segment), error) }
    }

    package func keepAside(_ bytes: [UInt8], as name: String) throws(DiskFailure) -> String {
        let path = folder.appending(name)
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
            try file.closeAfter { _ = try file.writeAll(bytes) }
        } catch { throw Self.failure(path, error) }
        return path.string
    }

    private func place(_ segment: UInt64) -> FilePath { folder.appending("\(segment).journal") }

    private func descriptor(_ segment: UInt64) throws -> FileDescriptor {
        if let open, open.segment == segment { return open.file }
        let file = try FileDescriptor.open(place(segment), .readWrite)
        use(file, for: segment)
        return file
    }

    private func use(_ file: FileDescriptor, for segment: UInt64) {
        try? open?.file.close()  // its frames are synced
        open = (segment, file)
    }

    private static func failure(_ path: FilePath, _ error: any Error, isSync: Bool = false) -> DiskFailure {
        let reason = error as? Errno ?? .ioError
        // After a failed fsync the system may have dropped what it could not write: asking again proves nothing.
        // Descriptors come back as room does.
        let passing: [Errno] = [
            .noSpace, .diskQuotaExceeded, .fileTooLarge, .tooManyOpenFiles, .tooManyOpenFilesInSystem,
        ]
        let isFull = !isSync && passing.contains(reason)
        return DiskFailure(isFull ? .full : .broken, "\(path): \(reason)")
    }
}
