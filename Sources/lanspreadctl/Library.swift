import Control
import Linux
import Model

// The verbs about this host's games as a whole.

extension Program {
    func rescan() throws(Failure) -> ExitCode {
        try options.expect(0...1)
        let connection = try open()
        var parameters: [String: JSONValue] = [:]
        if let word = options.words.first {
            parameters["game"] = .string(try GameArgument.resolve(word, connection).text)
        }
        let result = try connection.call(.libraryRescan, .object(parameters))
        if options.json {
            document(result)
            return .done
        }
        for game in result["changed"]?.array ?? [] { terminal.data(Text.escaped(game.string ?? "-") + "\n") }
        let changed = Int64(result["changed"]?.array?.count ?? 0)
        terminal.message("\(Figures.count(changed, "game")) changed in \(result.shown("games_dir", limit: 4_096)).")
        let deferred = (result["deferred"]?.array ?? []).compactMap(\.string).map { Text.escaped($0) }
        if !deferred.isEmpty {
            terminal.message("Looked at when their operations have ended: \(deferred.joined(separator: ", ")).")
        }
        return .done
    }

    /// Shows where the games are, or chooses another place.
    func gamesDirectory() throws(Failure) -> ExitCode {
        try options.expect(0...1)
        let connection = try open()
        guard let word = options.words.first else {
            let path = try connection.call(.daemonStatus)["games_dir"] ?? .null
            if options.json {
                document(["games_dir": path])
            } else {
                terminal.data(Text.escaped(path.string ?? "-", limit: 4_096) + "\n")
            }
            return .done
        }
        let result = try connection.call(.gamesDirSet, ["path": .string(try absolute(word))])
        if options.json {
            document(result)
        } else if result["changed"]?.bool == true {
            terminal.message("The games are in \(result.shown("games_dir", limit: 4_096)) from now on.")
        } else {
            terminal.message("The games are in \(result.shown("games_dir", limit: 4_096)) already.")
        }
        return .done
    }

    /// The daemon stands elsewhere than the one who types.
    private func absolute(_ path: String) throws(Failure) -> String {
        if path.hasPrefix("/") { return path }
        do throws(LinuxError) {
            let here = try Files.path(of: try Files.openDirectory(atPath: "."))
            return here + "/" + path
        } catch {
            throw Failure(.usage, "\(Text.escaped(path)) is not an absolute path.", subject: path)
        }
    }
}
