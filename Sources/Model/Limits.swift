/// Every number that bounds something from outside, with its reason. Targets that do not import Model get theirs as
/// values in their initialisers.
package enum Limits {
    // MARK: - Names and paths

    /// The id is one path component and one mDNS label (63) at most, plus one for good measure in ETI's rule.
    package static let gameIDBytes = 64
    package static let versionBytes = 64
    /// A `version.ini` is one line; 256 bytes leave room for blanks that editors add.
    package static let sentinelBytes = 256
    package static let pathBytes = 1_024
    package static let pathDepth = 64
    /// NAME_MAX of every Linux file system that holds games.
    package static let pathComponentBytes = 255
    /// Text of a peer in a log record or on a terminal.
    package static let peerTextBytes = 128
    package static let peerNameBytes = 64

    // MARK: - Games

    /// 1 TiB: nine times the largest package known (115 GB).
    package static let gameBytes: UInt64 = 1 << 40
    package static let manifestBytes = 64 << 20
    package static let manifestFiles = 500_000
    /// Files and directories of one tree: as many directories as files, and some 150 MB while they are compared.
    package static let treeNames = 1_000_000
    /// `gameBytes` in chunks of 4 MiB, and one packed run.
    package static let chunks = (1 << 40) / (4 << 20) + 1
    /// Players that a catalog may name: more is a typing error, and 1,000 is far above the largest server known.
    package static let gamePlayers = 1_000

    // MARK: - Catalog

    package static let catalogBytes = 50 << 20
    /// SQLite's check calls itself once for each level of a tree, and a hostile file has as many levels as pages: these
    /// take 4 MiB of a stack of 8, and 40,000 end the process. A file of 50 MiB in pages of 4 KiB has 12,800.
    package static let catalogPages = 16_384
    package static let catalogRows = 5_000
    /// One row, and one text of SQL; the longest readme known has some KiB, and every function that a file could make
    /// SQLite compute stays short with it.
    package static let catalogRowBytes = 1 << 20
    /// Columns of one table: seven times ETI's.
    package static let catalogColumns = 100
    /// What SQLite may take beside the copy itself, some 2 MiB as a rule: a schema can be made of nothing but names.
    package static let catalogMemoryBytes: Int64 = 64 << 20
    /// The longest title known has 70 bytes.
    package static let catalogTitleBytes = 1_024
    /// Genre, publisher, release, players: 500 rows with all of them at the limit are one reply.
    package static let catalogFieldBytes = 256
    /// Titles and these fields of all games together: 214 games have some 20 KiB. All rows of `game.list` are one line
    /// of a subscription, and a quotation mark is two bytes there: 1 MiB at most, beside 500 bytes a row for 5,000
    /// games with the longest ids that are not here, is below `controlReplyBytes`.
    package static let catalogLinesBytes = 512 << 10
    package static let catalogReadmeBytes = 4 << 10
    /// All readmes together: 214 games with three of 2 KiB each have 1.3 MiB.
    package static let catalogReadmesBytes = 8 << 20
    /// All queries on a catalog together: 100 times what those on 214 games take.
    package static let catalogReading = Duration.seconds(1)
    /// A file that is refused is looked at again after so long before it counts: copying one takes a moment.
    package static let catalogPatience = Duration.milliseconds(500)
    /// Files of a catalog that may be asked of the disk at once, those that hang included: the one that a setting named
    /// before and the one that it names now. Each holds a disk thread.
    package static let catalogReadings = 2
    /// Rows that were left out and that a reply or a page names; it says how many there are in all.
    package static let catalogFaultsShown = 100

    // MARK: - Library

    /// Every file of a game that is served is compared with the index this often; watching tells of changes at once.
    package static let indexTrust = Duration.seconds(2)
    /// Games with open readers, 16 descriptors each.
    package static let servedGames = 16
    /// What was missed by watching is seen after so long.
    package static let scanInterval = Duration.seconds(300)
    /// What the disk did not give is asked for again after so long, then twice as long, up to the scan's interval.
    package static let readRetryFirst = Duration.seconds(5)
    package static let readRetryLast = scanInterval
    /// While the games directory is away it is looked for so often; most of its returns are told by the kernel before.
    package static let gamesLookInterval = Duration.seconds(5)
    /// Games directories that the state remembers by their ids.
    package static let gamesDirectories = 16
    /// Directories beneath which a games directory may be chosen: each line of the setting is one or several.
    package static let gamesRoots = 16
    /// Manifests of peers that a game is compared with: more than three versions of the same version are not honest.
    package static let knownManifests = 3
    package static let knownManifestBytes = manifestBytes
    /// Hashing waits so long for peers to say what they know.
    package static let knownManifestDeadline = Duration.seconds(5)
    /// A change is looked at when it is so old: copying a game changes many names at once.
    package static let watchQuiet = Duration.milliseconds(250)
    /// After a look the disk rests four times as long as it took, at most so long: a change shows within half a minute.
    package static let watchRestLast = Duration.seconds(30)

    // MARK: - JSON from outside

    package static let jsonDepth = 16
    package static let wireMessageBytes = 64 << 10
    package static let controlRequestBytes = 64 << 10
    package static let controlReplyBytes = 4 << 20

    // MARK: - Peers

    package static let connections = 256
    /// Connections beyond them: those who are told that there is no room, and a second one of a peer until it is
    /// settled which of the two stays.
    package static let connectionsSpare = 16
    package static let halfOpenHandshakes = 64
    package static let halfOpenHandshakesPerAddress = 4
    package static let requestStreamsPerPeer = 32
    package static let handshakeDeadline = Duration.seconds(5)
    package static let requestHeaderDeadline = Duration.seconds(5)
    /// A peer that has nothing for us in this time is asked again later.
    package static let replyDeadline = Duration.seconds(15)
    /// A transfer below `stallBytes` in this time is cut.
    package static let stallWindow = Duration.seconds(10)
    package static let stallBytes = 160 << 10
    package static let sightings = 1_024
    package static let staticPeers = 64
    /// Names and patterns of `interfaces`: twice what a host with a switch in it has.
    package static let interfaces = 32
    package static let libraryEntriesPerPage = 200
    /// What one peer may announce: as many games as a catalog may have.
    package static let libraryEntries = catalogRows
    /// Games of peers that are gone, so that one that comes back with the same library need not tell it: four full
    /// libraries, or those of 2,000 hosts with none; some 6 MB.
    package static let entriesKept = 4 * libraryEntries
    /// A request is one small object: game, root, two numbers.
    package static let requestHeaderBytes = 4 << 10
    package static let refusalBytes = 4 << 10
    /// `list_games` of a full library: 5,000 entries of at most 370 bytes.
    package static let listReplyBytes = 4 << 20
    package static let features = 16
    package static let featureBytes = 32
    /// Runs of chunks in one `have`, and addresses in one `peers`: both stay far below one message.
    package static let haveRuns = 2_048
    package static let peerAddresses = 64
    package static let addressBytes = 64
    /// Messages of one peer that wait to be looked at.
    package static let peerMessages = 64
    package static let pingInterval = Duration.seconds(5)
    package static let suspectAfter = Duration.seconds(10)
    package static let goneAfter = Duration.seconds(20)
    /// For a peer whose link may lead nowhere, since an address changed: a hundred round trips of a LAN that loses half
    /// of what is sent.
    package static let doubtPatience = Duration.seconds(3)
    /// Peers whose last address is kept over a restart.
    package static let peersRemembered = 1_024
    /// So many links of one peer within the window, and it is left alone for the pause: what comes and goes ten times a
    /// second is a broken host or a hostile one, and a host that is restarted by hand stays far below.
    package static let flaps = 20
    package static let flapWindow = Duration.seconds(10)
    package static let flapPause = Duration.seconds(10)
    /// A host with our identity is told of in `status` until it was not seen for so long.
    package static let cloneMemory = Duration.seconds(60)
    package static let goodbyeDeadline = Duration.seconds(2)
    /// So many wrong chunks or manifests in the window ban a peer: one may be a bad disk, three are not.
    package static let strikes = 3
    package static let strikeWindow = Duration.seconds(600)
    package static let banDuration = Duration.seconds(600)
    /// Dials that run at once: whoever floods us with sightings makes us send eight handshakes at a time.
    package static let dials = 8
    /// Of these, at most so many to addresses that mDNS names, and to ones that were remembered or told: a flood of
    /// both together leaves room for configured peers and for those that were reached before.
    package static let dialsSighted = 5
    package static let dialsGuessed = 2
    /// Dials that begin within a minute, over everything: two a second reach 250 hosts in two minutes while they dial
    /// us as well, and are no load for anyone.
    package static let dialsPerMinute = 120
    package static let dialsPerMinuteSighted = 80
    package static let dialsPerMinuteGuessed = 30
    /// Names that are looked up at once: each may hold a disk thread until the resolver gives up.
    package static let lookups = 1
    /// Addresses of one name that are dialled.
    package static let addressesPerName = 8
    /// A remembered or told address that answered nobody for so long is left alone until it is sighted.
    package static let dialGuessFor = Duration.seconds(600)
    /// Messages of peers about others that wait to be looked at.
    package static let toldWaiting = 16
    /// Addresses that peers told and that nobody else did.
    package static let addressesTold = 256
    /// After Avahi came back, a sighting that is not repeated in this time is gone: three tries of five seconds.
    package static let sightingRefresh = Duration.seconds(15)
    package static let dialBackoffFirst = Duration.seconds(1)
    package static let dialBackoffLast = Duration.seconds(60)

    // MARK: - Transfers

    /// 8 pooled buffers of one chunk each: 32 MiB, enough for two gigabit sources and within the memory aim of 80 MiB.
    package static let chunkBuffers = 8
    /// Chunks that are read for peers at once: 32 MiB, so that memory does not grow with the number of peers.
    package static let serveBuffers = 8
    /// Of them for one peer: one is sent, one is read, one is between. Two peers that stall leave some to others.
    package static let serveBuffersPerPeer = 3
    /// Manifests that are sent at once, 64 MiB each at most and some 100 KiB as a rule; whoever is told that it is busy
    /// asks again in a moment.
    package static let manifestReplies = 8
    package static let manifestRepliesPerPeer = 2
    package static let transfers = 64
    /// A peer asks for its next chunk a moment after the last: so long two of its transfers are one for people.
    package static let transferMemory = Duration.seconds(3)
    /// Peers and contents that are counted at once: four times what may run.
    package static let transferRows = 4 * transfers
    /// The number of transfers is told so often at most: with each chunk it would be told twice.
    package static let transferCountPause = Duration.milliseconds(250)
    package static let chunksPerRequest = 16
    package static let triesPerPeer = 3
    package static let sourceGrace = Duration.seconds(60)

    // MARK: - Control

    package static let controlClients = 64
    /// Calls of one client that may wait at once; the next line is read when one of them is answered.
    package static let controlCallsPerClient = 16
    package static let controlRequestIDBytes = 128
    /// 1 MiB of titles at 2 KiB a row: a page stays far below `controlReplyBytes`.
    package static let controlPageRows = 500
    /// A year: a longer wait is no wait.
    package static let controlWaitSeconds = 31_536_000.0
    package static let controlTextBytes = 256
    /// PATH_MAX of Linux.
    package static let controlPathBytes = 4_096
    package static let eventQueue = 1_024
    /// Rows in the events that wait for one subscriber: forty lists of 200 games. Rows that did not change are shared
    /// by all events, so what waits for 64 subscribers that do not read is some 20 MB at most, and 1 MB as a rule. Each
    /// of them also holds the one line that is being sent, of `controlReplyBytes` at most: 256 MiB if all of them stand
    /// still at a list of a full catalog with nothing but long texts, 4 MB with 200 games.
    package static let eventQueueRows = 8_192
    package static let controlReplyDeadline = Duration.seconds(5)
    package static let eventsRetained = 4_096
    /// Rows in them: 320 lists of 200 games, or 13 of a full catalog; 2 MB, and 80 if no row were like another.
    package static let eventsRetainedRows = 65_536
    /// Several changes of what peers have are one event after so long: a host that joins hears of 250 libraries.
    package static let remoteChangesPause = Duration.milliseconds(200)
    package static let operationsRetained = 100
    /// Queued, at work and paused: more games than a LAN party plays. One that only waits costs a kilobyte.
    package static let operationsActive = 256
    /// At work at once, unless configured: they share a disk and a wire, and one alone often waits for either.
    package static let operationsWorking = 3
    /// Lines of the log that are kept of one operation, from its beginning and to its end; an unpacker that complains
    /// of each of a thousand files must not push out the rest.
    package static let historyLinesFirst = 50
    package static let historyLinesLast = 150
    package static let historyLineBytes = 1_024
    /// These lines as JSON, with room for escapes.
    package static let operationLogBytes = 1 << 20
    /// An operation as the state database keeps it: some twenty short fields and one sentence with roots in it.
    package static let operationRecordBytes = 256 << 10

    /// A configuration file with every setting and its comment has 4 KiB.
    package static let configurationBytes = 256 << 10

    // MARK: - Archives

    package static let archiveEntries = 500_000
    package static let archiveBytes: UInt64 = 1 << 40
    package static let helperFrameBytes = 256 << 10
    /// A clause with a path of 1,024 bytes in it is cut; the reason comes first.
    package static let helperRefusalBytes = 512
    package static let helperOutputBytes = 64 << 10
    /// 512 MiB of private memory: a dictionary of 64 MiB, the buffers around it, and room for other formats.
    package static let helperMemoryBytes: UInt64 = 512 << 20
    /// Six hours: the largest package known (115 GB) at 10 MB/s takes three.
    package static let helperProcessorSeconds: UInt64 = 6 * 3_600
    /// The helper says nothing for so long: it is killed.
    package static let helperSilence = Duration.seconds(120)
    package static let intentBytes = 64 << 10
    /// A record of 500,000 paths of 120 bytes fits.
    package static let recordBytes = 64 << 20

    // MARK: - Waiting for a manifest

    /// A peer that hashes a game may have to finish another one first, of 100 GB at 100 MB/s; one that stands still for
    /// longer is not waited for.
    package static let hashingStall = Duration.seconds(20 * 60)
    /// Nor is one that gets on and is never done: three times that, for the game itself.
    package static let hashingPatience = Duration.seconds(60 * 60)

    // MARK: - Settings

    /// A few small files, on a disk that may have to spin up; below the 15 s that lanspreadctl waits for an answer.
    package static let reloadDeadline = Duration.seconds(10)
    /// Readings that may be under way, those that hang included: each holds a disk thread, and there are two of them
    /// more than processors.
    package static let settingsReadings = 2

    // MARK: - State

    /// A private key with its certificate has 1 KiB.
    package static let identityBytes = 64 << 10

    // MARK: - Our files beside a game

    /// A marker is one line: a word, a number and a game id, or 32 hexadecimal digits.
    package static let markerBytes = 256
    /// A process id, a host name of 64 bytes and the longest path of Linux.
    package static let lockBytes = 4_096 + 128
    /// A download record: a manifest, one bit per chunk, and its header.
    package static let downloadRecordBytes = manifestBytes + chunks / 8 + 64
    /// Files and directories of one tree above which one syncfs costs less than an fsync for each.
    package static let filesSyncedSingly = 32
    /// Directories held open one in another while a tree is deleted: far below the usual 1,024 descriptors.
    package static let openTreeDepth = 96
}
