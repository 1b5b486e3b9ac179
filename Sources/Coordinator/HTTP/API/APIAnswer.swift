internal import ControlAPI
internal import HTTPTypes

/// An answer before it is sent.
struct APIAnswer: Sendable {
    var status: HTTPResponse.Status
    var fields: HTTPFields
    var body: [UInt8]

    /// Makes an answer; nobody may keep it, guess its type, or use it from another site.
    init(_ status: HTTPResponse.Status, body: [UInt8], type: String = "application/json") {
        self.status = status
        self.body = body
        fields = [
            .contentType: type, .contentLength: "\(body.count)", .cacheControl: "no-store",
            .xContentTypeOptions: "nosniff",
        ]
        if let policy = HTTPField.Name("Cross-Origin-Resource-Policy") { fields[policy] = "same-origin" }
    }

    /// Answers with a refusal.
    init(_ error: ControlError) {
        self.init(HTTPResponse.Status(code: error.status), body: error.bytes)
    }

    /// Answers with a refusal and a status that only HTTP has.
    init(_ status: HTTPResponse.Status, _ code: ControlError.Code, _ text: String) {
        self.init(status, body: ControlError(code, text).bytes)
    }
}
