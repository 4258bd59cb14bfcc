package import Model

/// JSON-RPC 2.0, one value a line; batches are not spoken here.
package enum JSONRPC {
    /// What a client said.
    package struct Request: Hashable, Sendable {
        /// Echoed in the reply; nil for a notification, which is carried out and not answered.
        package let id: JSONValue?
        package let method: String
        package let parameters: JSONValue

        package init(id: JSONValue?, method: String, parameters: JSONValue) {
            self.id = id
            self.method = method
            self.parameters = parameters
        }
    }

    /// Why a line is no request, with the id when it could be read.
    package struct Fault: Error, Hashable, Sendable {
        package let id: JSONValue
        package let code: Int64
        package let failure: Failure
    }

    /// What a client hears.
    package enum Incoming: Hashable, Sendable {
        case result(id: JSONValue, JSONValue)
        case failure(id: JSONValue, Failure)
        case event(ControlEvent)
    }

    private static let invalidRequest: Int64 = -32600

    // MARK: - At the daemon

    /// Total: any bytes give a request or a fault. `line` has no newline.
    package static func decodeRequest(_ line: [UInt8]) throws(Fault) -> Request {
        let value: JSONValue
        do {
            value = try JSON.decode(JSONValue.self, from: line, limit: Limits.controlRequestBytes)
        } catch {
            let failure = Failure(.malformed, "The request was not understood: \(error.sentence).")
            throw Fault(id: .null, code: Failure.Kind.malformed.code, failure: failure)
        }
        let id = value["id"]
        guard isSoundID(id) else { throw invalid(.null, "its id is neither a number nor a short text") }
        guard value.object != nil else { throw invalid(.null, "it is not one object") }
        guard value["jsonrpc"]?.string == "2.0" else { throw invalid(id, "its \"jsonrpc\" is not \"2.0\"") }
        guard let method = value["method"]?.string else { throw invalid(id, "it names no method") }
        let parameters = value["params"] ?? [:]
        guard parameters.object != nil else { throw invalid(id, "its \"params\" are not an object") }
        return Request(id: id, method: method, parameters: parameters)
    }

    private static func isSoundID(_ id: JSONValue?) -> Bool {
        switch id {
        case nil, .null, .int: true
        case .string(let text): text.utf8.count <= Limits.controlRequestIDBytes
        default: false
        }
    }

    private static func invalid(_ id: JSONValue?, _ reason: String) -> Fault {
        let failure = Failure(.malformed, "The request was not understood: \(reason).")
        return Fault(id: id ?? .null, code: invalidRequest, failure: failure)
    }

    package static func encodeResult(id: JSONValue, _ result: JSONValue) -> [UInt8] {
        line(["jsonrpc": "2.0", "id": id, "result": result])
    }

    /// `code` only for what has no kind of its own: JSON-RPC's "invalid request".
    package static func encodeFailure(id: JSONValue, _ failure: Failure, code: Int64? = nil) -> [UInt8] {
        let data: JSONValue = [
            "kind": .string(failure.kind.word), "subject": .optional(failure.subject),
            "hint": .optional(failure.hint), "retryable": .bool(failure.retryable),
        ]
        let error: JSONValue = [
            "code": .int(code ?? failure.kind.code), "message": .string(failure.sentence), "data": data,
        ]
        return line(["jsonrpc": "2.0", "id": id, "error": error])
    }

    package static func encodeEvent(_ event: ControlEvent) -> [UInt8] {
        var parameters = event.fields
        parameters["number"] = .bytes(event.number)
        parameters["event"] = .string(event.name)
        return line(["jsonrpc": "2.0", "method": "event", "params": .object(parameters)])
    }

    // MARK: - At the client

    package static func encodeRequest(_ request: Request) -> [UInt8] {
        var fields: [String: JSONValue] = [
            "jsonrpc": "2.0", "method": .string(request.method), "params": request.parameters,
        ]
        fields["id"] = request.id
        return line(.object(fields))
    }

    /// Nil for a line that is neither a reply nor an event: a newer daemon may say more than we know.
    package static func decodeIncoming(_ line: [UInt8]) throws(JSONFault) -> Incoming? {
        let value = try JSON.decode(JSONValue.self, from: line, limit: Limits.controlReplyBytes)
        if value["method"]?.string == "event", var fields = value["params"]?.object {
            let number = fields.removeValue(forKey: "number")?.int.flatMap(UInt64.init(exactly:))
            guard let number, let name = fields.removeValue(forKey: "event")?.string else { return nil }
            return .event(ControlEvent(number: number, name: name, fields: fields))
        }
        guard let id = value["id"] else { return nil }
        if let result = value["result"] { return .result(id: id, result) }
        guard let error = value["error"] else { return nil }
        let data = error["data"] ?? [:]
        let failure = Failure(
            Failure.Kind(data["kind"]?.string ?? "unknown"),
            error["message"]?.string ?? "The daemon refused without saying why.",
            subject: data["subject"]?.string, hint: data["hint"]?.string,
            retryable: data["retryable"]?.bool ?? false)
        return .failure(id: id, failure)
    }

    private static func line(_ value: JSONValue) -> [UInt8] {
        JSON.encode(value) + [UInt8(ascii: "\n")]
    }
}
