package import Domain

/// A spec's road from a line of text to indices, compiled once: intakes and workers run the same one.
///
/// Sharing it is cheap; whoever parses makes its parser of it.
package struct Plan: Sendable {
    package let spec: ModelSpec
    /// Of every part of it, edges of bins by their exact bits: plans with one fingerprint make the same features of the same text.
    package let fingerprint: Fingerprint
    /// Nil for a spec without transforms.
    let transforms: TransformPlan?

    package init(_ spec: ModelSpec) {
        self.spec = spec
        fingerprint = spec.fingerprint
        transforms = spec.transforms.isEmpty ? nil : TransformPlan(spec.transforms, spec.hashing)
    }

    /// The same without what is added to lines: crosses and the constant.
    var ofOwnFeatures: Plan {
        var own = spec
        own.crosses = []
        own.hashing.constant = false
        return Plan(own, transforms)
    }

    private init(_ spec: ModelSpec, _ transforms: TransformPlan?) {
        (self.spec, fingerprint, self.transforms) = (spec, spec.fingerprint, transforms)
    }
}

extension ModelSpec.Hashing {
    /// The hash of a feature's name, before the mask.
    func hash(_ name: String, in namespace: UInt32) -> UInt32 {
        let bytes = Array(name.utf8)
        return ByteWindow(bytes).withText { text in
            mode == .all
                ? murmur32(text, bytes.count, seed: namespace) : hashString(text, bytes.count, seed: namespace)
        }
    }

    /// The hash of a namespace; one without a name has 0 unless there is a seed.
    func hash(ofNamespace name: String) -> UInt32 {
        if name.isEmpty { return seed == 0 ? 0 : ByteWindow([]).withText { murmur32($0, 0, seed: seed) } }
        return hash(name, in: seed)
    }
}
