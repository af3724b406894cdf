package import Domain

/// Where a record stands: whose it is and which versions it leads between. The same for all kinds.
package struct RecordStamp: Equatable, Sendable {
    package var history: History

    /// What the reader must stand at before it applies the record. Never above `version`.
    package var baseVersion: Version

    /// What the reader stands at afterwards.
    package var version: Version

    /// Milliseconds since 1970 up to which all acknowledged examples are in `version`.
    package var watermarkMilliseconds: UInt64

    package var fingerprint: Fingerprint

    /// Which owner wrote the record. Below `ownerCount`.
    package var ownerIndex: UInt16

    package var ownerCount: UInt16

    /// What the writer's rows hash to at `version`, for the reader to compare; nil when it names none.
    package var digest: RangeDigest?

    package init(
        history: History, baseVersion: Version, version: Version, watermarkMilliseconds: UInt64,
        fingerprint: Fingerprint, ownerIndex: UInt16 = 0, ownerCount: UInt16 = 1, digest: RangeDigest? = nil
    ) {
        self.history = history
        self.baseVersion = baseVersion
        self.version = version
        self.watermarkMilliseconds = watermarkMilliseconds
        self.fingerprint = fingerprint
        self.ownerIndex = ownerIndex
        self.ownerCount = ownerCount
        self.digest = digest
    }
}

/// The digest of one owner's rows in a range of indices.
package struct RangeDigest: Equatable, Sendable {
    /// Not empty; ends at or below 2^32.
    package var indices: Range<UInt64>
    package var digest: WeightDigest

    package init(indices: Range<UInt64>, digest: WeightDigest) {
        self.indices = indices
        self.digest = digest
    }
}

/// The fixed first part of every record. `docs/FORMAT.md` has the table of its bytes.
package struct RecordHeader: Equatable, Sendable {
    package static let byteCount = 112

    package static let formatVersion: UInt16 = 1

    package var kind: RecordKind
    package var columns: RecordColumns
    package var payloadByteCount: Int

    /// Rows in the payload; 0 unless the kind carries rows.
    package var rowCount: Int

    /// The index of the first row, which the payload does not repeat; 0 without rows.
    package var firstIndex: UInt32

    /// How many low bits of each gap stand uncoded in the payload; 0 without rows.
    package var riceParameter: UInt8

    package var stamp: RecordStamp

    /// Header and payload.
    package var recordByteCount: Int { Self.byteCount + payloadByteCount }

    /// The part of the payload that holds gaps; the values follow it.
    package var gapByteCount: Int { payloadByteCount - valueByteCount }

    /// The part of the payload that holds values.
    package var valueByteCount: Int { rowCount * columns.floatCount * MemoryLayout<Float>.size }

    package init(
        kind: RecordKind, columns: RecordColumns = .none, payloadByteCount: Int = 0, rowCount: Int = 0,
        firstIndex: UInt32 = 0, riceParameter: UInt8 = 0, stamp: RecordStamp
    ) {
        self.kind = kind
        self.columns = columns
        self.payloadByteCount = payloadByteCount
        self.rowCount = rowCount
        self.firstIndex = firstIndex
        self.riceParameter = riceParameter
        self.stamp = stamp
    }
}
