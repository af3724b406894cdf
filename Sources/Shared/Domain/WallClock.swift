internal import CKernels

/// Milliseconds since 1970 by this machine's clock.
package func millisecondsSince1970() -> UInt64 { sluice_wall_clock_milliseconds() }
