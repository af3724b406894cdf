/// Every bound of the system, each with its unit and where the number comes from.
package enum Limits {
    package enum Features {
        /// Features of one example, after crosses. Quantised products of that many terms sum exactly in a double.
        package static let perExampleMax = 4096
        /// Crosses of a spec, wildcards as they are written.
        package static let crossCountMax = 64
        /// |value| of one feature. With `importanceMax` a squared gradient is at most 2^96, so that a Float holds the
        /// sum of 2^31 of them.
        package static let valueMagnitudeMax: Float = 4_294_967_296
        package static let importanceMax: Float = 65_536
        /// Bytes of one line of text: 4096 features with names of 60 bytes.
        package static let lineByteCountMax = 262_144
        package static let indexBits: ClosedRange<Int> = 1...30
        /// Errors told for one batch; the rest is counted.
        package static let reportedErrorsMax = 32
    }

    package enum Copy {
        /// Rows looked at for one chunk of a copy or of a saved model: a lane pauses about 0.3 ms for it.
        package static let chunkIndexCount = 1 << 16
    }
}
