internal import SystemPackage

/// One line on standard output, at once. A reader that went away is no error of ours.
package func tellStandardOutput(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll((line + "\n").utf8) }

/// One line on standard error. Nothing is left to tell a person whose standard error is closed.
package func tellStandardError(_ line: String) { _ = try? FileDescriptor.standardError.writeAll((line + "\n").utf8) }
