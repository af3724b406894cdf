internal import Configuration
internal import Domain
internal import Files
internal import ParameterServer
internal import SystemPackage
internal import Testing

private let clicks = ModelName("clicks")!

@Suite("A registry knows each model once, and after a restart says which ones lost their rows")
struct ModelRegistryTests {
    /// What a creation answered.
    private func word(_ creation: ModelRegistry.Creation) -> String {
        switch creation {
        case .created: "created"
        case .exists: "exists"
        case .otherSpec: "other spec"
        case .tooMany: "too many"
        case .failed(let reason): reason
        }
    }

    private func registry(_ folder: String? = nil) throws -> ModelRegistry {
        try ModelRegistry(publishInterval: .seconds(1), stateFolder: folder)
    }

    /// A folder for one test, gone afterwards with all its files.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let path = FilePath("/tmp/sluice-test-\(UInt64.random(in: 0...UInt64.max))")
        func clean() throws {
            for file in try listFolder(path) { try removeFile(path.appending(file)) }
        }
        try makeFolders(path)
        do { try await body(path.string) } catch {
            try clean()
            throw error
        }
        try clean()
    }

    @Test("the same spec again is the same model; another spec is refused")
    func again() async throws {
        let registry = try registry()
        guard case .created(let lane) = try await registry.create(clicks, .small(), owners: [0]) else {
            Issue.record("not created")
            return
        }
        guard case .exists(let same) = try await registry.create(clicks, .small(), owners: [0]) else {
            Issue.record("not found again")
            return
        }
        #expect(lane === same)
        #expect(word(try await registry.create(clicks, .small(bits: 13), owners: [0])) == "other spec")
        await registry.close()
    }

    @Test("a deleted model is gone; created anew it has another history")
    func deleted() async throws {
        let registry = try registry()
        guard case .created(let lane) = try await registry.create(clicks, .small(), owners: [0]) else { return }
        #expect(try await registry.delete(clicks))
        #expect(try await !registry.delete(clicks))
        #expect(registry.entry(clicks) == nil)
        guard case .created(let anew) = try await registry.create(clicks, .small(bits: 13), owners: [0]) else {
            Issue.record("not created anew")
            return
        }
        #expect(anew.history != lane.history)
        await registry.close()
    }

    @Test("after a restart a model is closed, with its spec, until it is created under a new history")
    func restart() async throws {
        try await withFolder { folder in
            let before = try registry(folder)
            guard case .created(let lane) = try await before.create(clicks, .small(), owners: [0]) else { return }
            _ = try await before.create(ModelName("other")!, .small(bits: 5), owners: [0])
            await before.close()

            let after = try registry(folder)
            #expect(after.all.map(\.name.text) == ["clicks", "other"])
            guard case .closed(let spec, _) = after.entry(clicks) else {
                Issue.record("not closed")
                return
            }
            #expect(spec == .small())
            guard case .created(let anew) = try await after.create(clicks, .small(), owners: [0]) else {
                Issue.record("not created anew")
                return
            }
            #expect(anew.history != lane.history)
            if case .closed = after.entry(ModelName("other")!) {} else { Issue.record("the other is not closed") }
            await after.close()
        }
    }

    @Test("a model deleted before the restart does not come back")
    func deletedBeforeRestart() async throws {
        try await withFolder { folder in
            let before = try registry(folder)
            _ = try await before.create(clicks, .small(), owners: [0])
            _ = try await before.delete(clicks)
            #expect(try registry(folder).all.isEmpty)
        }
    }

    @Test("a spec file that cannot be read is an error that names the folder")
    func badFile() async throws {
        try await withFolder { folder in
            try writeText("bits: 99\n", to: FilePath(folder).appending("clicks.yaml"))
            #expect { try registry(folder) } throws: { "\($0)".contains(folder) }
        }
    }

    @Test("without a folder nothing outlives the process")
    func noFolder() async throws {
        let before = try registry()
        _ = try await before.create(clicks, .small(), owners: [0])
        await before.close()
        #expect(try registry().all.isEmpty)
    }
}
