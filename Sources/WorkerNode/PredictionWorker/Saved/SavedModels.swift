internal import Domain
internal import Files
internal import Logging
internal import Scoring
internal import SystemPackage
internal import Transport

/// Saved models that a worker serves, each read again when its file has changed.
///
/// A new file is read aside, on the thread that gives way to answering; then every loop shows it from its next request on. Nothing
/// is refused or waits meanwhile. A file that cannot be read, or is gone, leaves what is served as it is.
struct SavedModels: Sendable {
    /// Named one by one: they must be there at the start.
    let folders: [ModelName: FilePath]
    /// Each folder in it that holds a saved model serves under its name, also one that comes later.
    let folder: FilePath?
    let loops: PerLoop<LoopModels>
    let log: Logger

    /// What is served, and the file that it was read from.
    struct Loaded {
        var mark: FileMark
        var model: ServingModel?
    }

    /// Reads those named one by one.
    ///
    /// - Throws: also where the folder of models is not there: a name with a slip in it would serve nothing, for ever.
    func loadNamed() async throws -> [ModelName: Loaded] {
        if let folder {
            do throws(Errno) { _ = try listFolder(folder) } catch { throw FileFailure(path: folder, reason: error) }
        }
        var loaded: [ModelName: Loaded] = [:]
        for (name, folder) in folders.sorted(by: { $0.key.text < $1.key.text }) {
            // Looked at before it is read: what changes meanwhile is read again. What is wrong with the file, reading it tells.
            let mark = try? FileMark(of: folder.appending(ModelFile.name))
            let model = ServingModel(name, try ModelFile.read(from: folder))
            await show(model, from: folder, instead: nil)
            loaded[name] = mark.map { Loaded(mark: $0, model: model) }
        }
        return loaded
    }

    /// Runs until cancelled.
    ///
    /// - Parameter loaded: what `loadNamed` read.
    func run(_ loaded: [ModelName: Loaded]) async {
        var loaded = loaded
        while !Task.isCancelled {
            for (name, folder) in found() { await look(at: folder, name, &loaded[name]) }
            // Cancelled while waiting: the loop sees it.
            try? await Task.sleep(for: Limits.Predicting.savedModelInterval)
        }
    }

    /// The folders that may hold a model now.
    private func found() -> [(ModelName, FilePath)] {
        var found = folders.map { ($0.key, $0.value) }
        // A folder of models that is away for a moment is looked for again.
        for text in (try? folder.map { try listFolder($0) }) ?? [] {
            guard let name = ModelName(text), folders[name] == nil, let folder else { continue }
            found.append((name, folder.appending(text)))
        }
        return found
    }

    private func look(at folder: FilePath, _ name: ModelName, _ loaded: inout Loaded?) async {
        // A folder without a model, or one whose file is being replaced, is looked at again.
        guard let mark = try? FileMark(of: folder.appending(ModelFile.name)), mark != loaded?.mark else { return }
        do throws(ModelFileError) {
            let model = ServingModel(name, try ModelFile.read(from: folder))
            await show(model, from: folder, instead: loaded?.model)
            // The old one is let go of here, where unmapping its table holds up nobody.
            loaded = Loaded(mark: mark, model: model)
        } catch {
            let serves = loaded?.model.map { "version \($0.version) is served on" } ?? "nothing is served"
            log.error("a saved model cannot be read; \(serves)", metadata: ["model": "\(name)", "error": "\(error)"])
            loaded = Loaded(mark: mark, model: loaded?.model)
        }
    }

    private func show(_ model: ServingModel, from folder: FilePath, instead old: ServingModel?) async {
        await loops.show(model, isNew: old == nil)
        log.info(
            "loaded",
            metadata: [
                "model": "\(model.name)", "version": "\(model.version)", "folder": "\(folder)",
                "instead": "\(old.map { "\($0.version)" } ?? "none")",
            ])
    }
}
