extension Exchange {
    /// Answers with JSON text.
    package func respondJSON(_ text: String, status: Int = 200) {
        respond(status: status, contentType: "application/json", body: Bytes(string: text))
    }
}
