internal import Logging

/// Sends every node's log to standard error; standard output is for what scripts read.
package func startLog() {
    LoggingSystem.bootstrap { label in StreamLogHandler.standardError(label: label) }
}
