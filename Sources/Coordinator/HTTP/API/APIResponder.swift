internal import ControlAPI
internal import HTTPTypes
internal import Logging
internal import NIOCore

/// Decides what is answered to a request.
struct APIResponder<Provider: ClusterProvider>: Sendable {
    let configuration: HTTPConfiguration
    let provider: Provider
    let registry: PrometheusRegistry?
    let metrics: HTTPMetrics
    let logger: Logger

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - head: The request without its body.
    ///   - body: Reads the body, up to so many bytes; gives `nil` when it has more.
    /// - Returns: The answer.
    /// - Throws: Errors of the connection alone, from `body`.
    func answer(
        _ head: HTTPRequest, body: (Int) async throws -> [UInt8]?
    ) async throws -> APIAnswer {
        let target = head.path ?? ""
        let end = target.firstIndex(of: "?") ?? target.endIndex
        let route = Route(path: String(target[..<end]))
        var answer: APIAnswer
        do {
            if let refusal = refusal(of: head, route: route) {
                answer = refusal
            } else if let route {
                answer = try await self.answer(head, route: route, query: target[end...].dropFirst(), body: body)
            } else {
                answer = APIAnswer(.notFound, .unknown, "There is nothing at this path")
            }
        } catch let error as ControlError {
            answer = APIAnswer(error)
        }
        metrics.answered(route: route?.name, status: answer.status.code)
        if head.method == .head { answer.body = [] }
        return answer
    }

    /// Why a request is refused before anybody looks at what it wants.
    private func refusal(of head: HTTPRequest, route: Route?) -> APIAnswer? {
        // The first Host field is the authority; a second one is still among the fields.
        guard let host = head.authority, !head.headerFields.contains(where: { $0.name.canonicalName == "host" }) else {
            return APIAnswer(.badRequest, .invalid, "The request must have one Host header")
        }
        guard configuration.hosts.allows(host: host) else {
            return APIAnswer(
                .misdirectedRequest, .refused,
                "This server is not known by the name in the Host header; start the coordinator with --http-host NAME")
        }
        guard let route else { return nil }
        guard route.methods.contains(head.method) else {
            let methods = route.methods.map(\.rawValue).joined(separator: ", ")
            var answer = APIAnswer(.methodNotAllowed, .invalid, "Only \(methods) can be used here")
            answer.fields[.allow] = methods
            return answer
        }
        let isMutating = head.method != .get && head.method != .head
        if isMutating, !isSameOrigin(head, host: host) {
            return APIAnswer(.forbidden, .refused, "Pages of other sites may not change anything here")
        }
        guard isMutating || (configuration.needsTokenToRead && !route.isProbe) else { return nil }
        return missingToken(of: head)
    }

    private func isSameOrigin(_ head: HTTPRequest, host: String) -> Bool {
        let site = HTTPField.Name("Sec-Fetch-Site").flatMap { head.headerFields[$0] }
        return configuration.hosts.allows(origin: head.headerFields[.origin], fetchSite: site, host: host)
    }

    /// What is said to a client that does not show the token.
    private func missingToken(of head: HTTPRequest) -> APIAnswer? {
        guard let token = configuration.token else {
            return APIAnswer(
                .forbidden, .refused,
                "Nothing can be changed over HTTP, because the coordinator has no token; start it with "
                    + "--http-token-file FILE, where FILE has mode 600 and holds the output of: openssl rand -hex 32")
        }
        if let value = head.headerFields[.authorization] {
            let parts = value.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer", token.matches(String(parts[1])) { return nil }
        }
        var answer = APIAnswer(.unauthorized, .refused, "This needs the header Authorization: Bearer TOKEN")
        answer.fields[.wwwAuthenticate] = "Bearer realm=\"tare\""
        return answer
    }

    private func answer(
        _ head: HTTPRequest, route: Route, query: Substring, body: (Int) async throws -> [UInt8]?
    ) async throws -> APIAnswer {
        switch route {
        case .health:
            _ = try Query(query, allowed: [])
            let isAlive = await TimeLimit.result(within: configuration.livenessLimit) { await provider.isAlive() }
            guard isAlive == true else {
                return try probe(head, reasons: ["the control thread does not answer"])
            }
            return try probe(head, reasons: [])
        case .readiness:
            _ = try Query(query, allowed: [])
            switch await TimeLimit.result(within: configuration.livenessLimit, { await provider.readiness() }) {
            case .ready: return try probe(head, reasons: [])
            case .notReady(let reasons): return try probe(head, reasons: reasons.isEmpty ? ["not ready"] : reasons)
            case nil: return try probe(head, reasons: ["the control thread does not answer"])
            }
        case .metrics:
            _ = try Query(query, allowed: [])
            guard let registry else {
                throw ControlError(.unknown, "This coordinator sends its metrics elsewhere")
            }
            // Old gauges are better than none: a scrape must work when the control thread does not.
            _ = await TimeLimit.result(within: configuration.livenessLimit) { await provider.refreshMetrics() }
            metrics.update()
            return APIAnswer(.ok, body: Array(registry.text().utf8), type: PrometheusRegistry.contentType)
        default:
            let request = try await request(head, route: route, query: query, body: body)
            return APIAnswer(.ok, body: try await ask(request))
        }
    }

    /// Without a token only the status is told, not the reasons.
    private func probe(_ head: HTTPRequest, reasons: [String]) throws(ControlError) -> APIAnswer {
        let isTrusted = !configuration.needsTokenToRead || missingToken(of: head) == nil
        let document = ProbeDocument(
            status: reasons.isEmpty ? .ok : .unavailable, reasons: isTrusted ? reasons : [])
        do {
            return APIAnswer(reasons.isEmpty ? .ok : .serviceUnavailable, body: try Documents.encode(document))
        } catch {
            throw ControlError(.fault, error.description)
        }
    }

    /// What a client wants, checked.
    private func request(
        _ head: HTTPRequest, route: Route, query: Substring, body: (Int) async throws -> [UInt8]?
    ) async throws -> ControlRequest {
        let isReading = head.method == .get || head.method == .head
        func page() throws(ControlError) -> Page { try Query(query, allowed: ["limit", "offset"]).page }
        func whole(_ request: ControlRequest) throws(ControlError) -> ControlRequest {
            _ = try Query(query, allowed: [])
            return request
        }
        let request: ControlRequest
        switch route {
        case .cluster: request = try whole(.cluster)
        case .jobs where isReading: request = .jobs(try page())
        case .jobs: request = try whole(.submit(try await submission(head, body: body)))
        case .job(let job) where isReading: request = try whole(.status(job: job))
        case .job(let job): request = try whole(.cancel(job: job, reason: "over HTTP"))
        case .result(let job): request = try whole(.result(job: job))
        case .shards(let job): request = .shards(job: job, try page())
        case .layers(let job): request = .layers(job: job, try page())
        case .workers: request = .workers(try page())
        case .drain(let selector): request = try whole(.drain(selector))
        case .events:
            let query = try Query(query, allowed: ["job", "limit", "offset"])
            request = .events(job: query["job"], query.page)
        case .health, .readiness, .metrics: preconditionFailure("\(route) is not asked of the provider")
        }
        do {
            try request.validate()
        } catch {
            throw ControlError(error)
        }
        return request
    }

    private func submission(
        _ head: HTTPRequest, body: (Int) async throws -> [UInt8]?
    ) async throws -> SubmissionDocument {
        let type = head.headerFields[.contentType]?.split(separator: ";").first
        guard type?.trimmingASCIISpace().lowercased() == "application/json" else {
            throw ControlError(.invalid, "The body must be JSON: send the header Content-Type: application/json")
        }
        guard let bytes = try await body(ControlLimits.requestBytes) else {
            throw ControlError(.tooLarge, "The body has more than \(ControlLimits.requestBytes) bytes")
        }
        do {
            return try Documents.decode(SubmissionDocument.self, from: bytes, limit: ControlLimits.requestBytes)
        } catch {
            throw ControlError(error)
        }
    }

    private func ask(_ request: ControlRequest) async throws(ControlError) -> [UInt8] {
        let result = await TimeLimit.result(within: configuration.answerLimit) {
            () async -> Result<[UInt8], ControlError> in
            do throws(ControlError) {
                return .success(try await provider.answer(request))
            } catch {
                return .failure(error)
            }
        }
        if request.isMutating { logger.notice("a client of the HTTP server asked: \(request.summary)") }
        guard let result else {
            throw ControlError(
                .unavailable,
                "The coordinator did not answer within \(configuration.answerLimit); it may be busy: ask again")
        }
        return try result.get()
    }
}

extension Substring {
    fileprivate func trimmingASCIISpace() -> String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
