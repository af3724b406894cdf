/// The bounds of the format. `docs/FORMAT.md` states them; a reader checks them before it reads or allocates.
package enum FormatLimits {
    /// Bytes of a record, header and payload: what a follower must be able to hold at once for each stream.
    package static let recordByteCountMax = 64 << 20

    /// Bytes of a payload.
    package static let payloadByteCountMax = recordByteCountMax - RecordHeader.byteCount

    /// Bytes of a spec.
    package static let specByteCountMax = 1 << 20

    /// Rows of one record. With it no set of rows can outgrow `recordByteCountMax`: 32 MiB of values, and at most
    /// 2^23 · (9 + 2.1) bits of gaps, as the mean gap of 2^23 rows below 2^32 is at most 512.
    package static let rowCountMax = 1 << 23

    /// The largest Rice parameter: the gap between two indices below 2^32 is below 2^32.
    package static let riceParameterMax: UInt8 = 31

    /// One past the largest index a row can have.
    package static let indexLimitMax: UInt64 = 1 << 32
}
