internal import CKernels

/// Milliseconds since 1970 by this machine's clock.
package func millisecondsSince1970() -> UInt64 { sluice_wall_clock_milliseconds() }

/// Cores this process may run on (its affinity, not the machine's count).
package func availableCoreCount() -> Int { max(1, Int(sluice_core_count())) }

/// Binds the calling thread to the first core that the process may run on. A machine that refuses runs it anywhere.
package func pinToFirstCore() { _ = sluice_pin_to_first_core() }
