internal import ArgumentParser
internal import Features
internal import Files
internal import Foundation
internal import SystemPackage

/// A number with that many digits behind the point.
func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "n.a." }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    guard value.magnitude * scale < 9e15 else { return String(value) }
    let rounded = Int64((value.magnitude * scale).rounded())
    let unit = Int64(scale)
    let sign = value < 0 && rounded != 0 ? "-" : ""
    guard digits > 0 else { return sign + String(rounded) }
    let fraction = String(rounded % unit)
    return sign + String(rounded / unit) + "." + String(repeating: "0", count: digits - fraction.count) + fraction
}

func pad(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

/// One line on standard error.
func report(_ line: String) {
    tellStandardError(line)
}

/// Opens a file for reading; `-` is standard input.
func openForReading(_ path: String) throws -> FileDescriptor {
    if path == "-" { return .standardInput }
    do { return try FileDescriptor.open(FilePath(path), .readOnly) } catch let error as Errno {
        throw CommandFailure("\(path): \(error)")
    }
}

/// A whole small file as text; `-` is standard input.
func readText(_ path: String) throws -> String {
    if path == "-" { return String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self) }
    do { return try Files.readText(FilePath(path)) } catch { throw CommandFailure("\(error)") }
}

extension ByteWindow {
    /// Reads on, or says which file could not be read and why.
    mutating func read(_ count: Int, fromFile descriptor: Int32, named path: String) throws -> Int {
        switch read(count, fromFile: descriptor) {
        case .success(let got): return got
        case .failure(let failure):
            throw CommandFailure("\(path): \(Errno(rawValue: failure.errorNumber))", isFinal: true)
        }
    }
}
