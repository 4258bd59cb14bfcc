package import Model

/// Why bytes of a peer were not taken. Each of them closes the link that brought them, and no other.
package enum WireFault: Error, Hashable, Sendable {
    /// The frame claims more than is allowed here; nothing of it was read.
    case tooLong(bytes: UInt64, limit: Int)
    case empty
    case json(JSONFault)
    /// The field is there and of the right type, but its value breaks a rule.
    case wrongValue(message: String, field: String)
    case unknownReply
    /// A sound message, but not the one that is due here.
    case outOfPlace(message: String)

    package var sentence: String {
        switch self {
        case .tooLong(let bytes, let limit): "a frame claims \(bytes) bytes where \(limit) are allowed"
        case .empty: "a frame is empty"
        case .json(let fault): "a message is refused: \(fault.sentence)"
        case .wrongValue(let message, let field): "the field \(field) of a \(message) breaks the rules"
        case .unknownReply: "a reply does not begin as one"
        case .outOfPlace(let message): "a \(message) came where none is due"
        }
    }
}
