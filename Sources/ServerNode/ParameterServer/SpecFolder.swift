internal import Configuration
internal import Domain
internal import Files
internal import SystemPackage

/// The specs of a node's models as files, NAME.yaml.
package struct SpecFolder: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }
    private let path: FilePath

    package init(_ path: String) throws(Failure) {
        self.path = FilePath(path)
        do { try makeFolders(self.path) } catch { throw Failure(description: "state folder \(path): \(error)") }
    }

    func read() throws(Failure) -> [ModelName: ModelSpec] {
        var specs: [ModelName: ModelSpec] = [:]
        do {
            for file in try listFolder(path) where file.hasSuffix(".yaml") {
                guard let name = ModelName(String(file.dropLast(5))) else { continue }
                specs[name] = try ModelSpec(yaml: try readText(path.appending(file)))
            }
        } catch { throw Failure(description: "state folder \(path): \(error)") }
        return specs
    }

    func write(_ name: ModelName, _ spec: ModelSpec) throws(Failure) {
        do { try writeText(spec.yaml, to: path.appending("\(name).yaml")) } catch {
            throw Failure(description: "state folder \(path): \(error)")
        }
    }

    func remove(_ name: ModelName) throws(Failure) {
        do { try removeFile(path.appending("\(name).yaml")) } catch {
            throw Failure(description: "state folder \(path): \(error)")
        }
    }
}
