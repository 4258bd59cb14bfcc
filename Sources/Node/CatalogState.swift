import Database
import Model
import Settings

/// The file that the catalog is read from: the one that a setting names, else our own in the state directory.
struct CatalogPlace: Hashable, Sendable {
    let path: String
    /// Somebody named it, so it is expected to be there.
    let isNamed: Bool

    init(path: String, isNamed: Bool) {
        self.path = path
        self.isNamed = isNamed
    }

    init(_ settings: DaemonSettings, _ own: OwnCatalog) {
        self.init(path: settings.catalog.value ?? own.path, isNamed: settings.catalog.value != nil)
    }
}

/// What the file was when it was looked at.
enum CatalogLook: Sendable {
    case sound(CatalogReading)
    case missing
    /// With the sentence that says why.
    case refused(String)

    /// Blocks; a disk thread calls it.
    static func read(_ place: CatalogPlace) -> CatalogLook {
        do {
            return .sound(try CatalogReader.load(path: place.path))
        } catch {
            return error.isAbsent ? .missing : .refused(error.sentence)
        }
    }
}

struct CatalogInForce: Hashable, Sendable {
    let place: CatalogPlace
    let reading: CatalogReading
}

/// Which catalog counts, and what is wrong with the file that should be the next one; all of the decision.
///
/// The law: only a sound file replaces a catalog. One that is gone or refused leaves the last one in force, and only
/// when no setting names a file any more, and there is none of our own, is there none.
struct CatalogState: Sendable {
    enum Step: Equatable, Sendable {
        case nothing
        /// Another catalog counts.
        case swapped
        /// None counts any more.
        case released
        /// The file is not taken; what counts stays.
        case troubled
        /// The file is again the one that counts.
        case healed
    }

    private(set) var inForce: CatalogInForce?
    /// Why the file that was looked at last is not in force; a sentence.
    private(set) var problem: String?

    init(_ inForce: CatalogInForce? = nil) { self.inForce = inForce }

    mutating func take(_ look: CatalogLook, at place: CatalogPlace) -> Step {
        switch look {
        case .sound(let reading):
            let next = CatalogInForce(place: place, reading: reading)
            let wasTroubled = problem != nil
            problem = nil
            guard next != inForce else { return wasTroubled ? .healed : .nothing }
            inForce = next
            return .swapped
        case .missing:
            if !place.isNamed, inForce?.place != place {
                problem = nil
                defer { inForce = nil }
                return inForce == nil ? .nothing : .released
            }
            return trouble("\(place.path) is not there.")
        case .refused(let sentence):
            return trouble(sentence)
        }
    }

    private mutating func trouble(_ sentence: String) -> Step {
        guard problem != sentence else { return .nothing }
        problem = sentence
        return .troubled
    }
}
