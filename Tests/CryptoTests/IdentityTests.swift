import Crypto
import Model
import Testing

@Suite struct `An identity` {
    @Test func `is the same after it was saved and loaded`() throws {
        let identity = try Identity.generate()
        let loaded = try Identity(pem: identity.pem)
        #expect(loaded.peer == identity.peer)
        #expect(loaded.pem == identity.pem)
    }

    @Test func `is like no other`() throws {
        #expect(try Identity.generate().peer != Identity.generate().peer)
    }

    @Test func `makes secrets that depend on their label and nothing else`() throws {
        let identity = try Identity.generate()
        let again = try Identity(pem: identity.pem)
        #expect(identity.secret(label: "a") == again.secret(label: "a"))
        #expect(identity.secret(label: "a") != identity.secret(label: "b"))
        #expect(identity.secret(label: "a").count == 32)
    }

    @Test func `is refused when a half is missing`() throws {
        let pem = try Identity.generate().pem
        let text = String(decoding: pem, as: UTF8.self)
        let begin = "-----BEGIN CERTIFICATE-----"
        let cut = try #require(text.utf8.firstRange(of: Array(begin.utf8)))
        let key = Array(text.utf8[..<cut.lowerBound])
        let certificate = Array(text.utf8[cut.lowerBound...])
        for broken in [key, certificate, [], Array("-----BEGIN".utf8), Array(pem.dropLast(60))] {
            #expect(throws: CryptoError.notAnIdentity) { try Identity(pem: broken) }
        }
    }

    @Test func `is refused when its halves are of two identities`() throws {
        let begin = Array("-----BEGIN CERTIFICATE-----".utf8)
        let first = try Identity.generate().pem
        let second = try Identity.generate().pem
        let cutFirst = try #require(first.firstRange(of: begin))
        let cutSecond = try #require(second.firstRange(of: begin))
        let mixed = Array(first[..<cutFirst.lowerBound] + second[cutSecond.lowerBound...])
        #expect(throws: CryptoError.notAnIdentity) { try Identity(pem: mixed) }
    }
}
