internal import HTTP2

/// Every route of a listener. The more specific of two fitting patterns wins, whatever their order.
package struct Router: Sendable {
    let routes: [CompiledRoute]
    let token: ClusterToken?

    /// - Parameter token: what `Access.cluster` routes ask for; nil lets everyone in.
    package init(_ routes: [Route], token: ClusterToken? = nil) {
        self.routes = routes.map(CompiledRoute.init)
            .sorted { $0.route.pattern.literalByteCount > $1.route.pattern.literalByteCount }
        self.token = token
    }

    /// - Parameter path: without query.
    func find(_ method: Method, _ path: RawSpan) -> RouteLookup {
        var allowed: [String] = []
        for candidate in routes {
            var captures = InlineArray<4, Range<UInt16>>(repeating: 0..<0)
            guard candidate.route.pattern.matches(path, captures: &captures) else { continue }
            let isMatch = candidate.route.method == method || (method == .head && candidate.route.method == .get)
            if isMatch { return .found(RouteMatch(route: candidate, captures: captures)) }
            let name = candidate.route.method.name.description
            if !allowed.contains(name) { allowed.append(name) }
        }
        return allowed.isEmpty ? .unknownPath : .wrongMethod(allow: allowed.joined(separator: ", "))
    }
}

/// A route behind a reference, so that remembering it costs one count and not a copy of its parts.
final class CompiledRoute: Sendable {
    let route: Route
    /// Whether the handler gets the body whole; kept because every piece of a body asks.
    let isWhole: Bool

    init(_ route: Route) {
        self.route = route
        isWhole = if case .whole = route.handler { true } else { false }
    }
}

struct RouteMatch {
    let route: CompiledRoute
    /// Ranges inside the path; as many are set as the pattern has captures.
    let captures: InlineArray<4, Range<UInt16>>
}

enum RouteLookup {
    case found(RouteMatch)
    case wrongMethod(allow: String)
    case unknownPath
}

/// The last match of a connection: a peer asks the same path again and again, and comparing it whole is cheaper than
/// looking it up.
struct RouteCache {
    private var method = Method.other
    private var path: [UInt8] = []
    private var match: RouteMatch?

    /// - Parameter target: path and query as the peer sent them.
    mutating func find(_ method: Method, _ target: RawSpan, in router: Router) -> RouteLookup {
        if let match, method == self.method, target.hasSameBytes(as: path) { return .found(match) }
        var end = 0
        while end < target.byteCount, target.byte(at: end) != UInt8(ascii: "?") { end += 1 }
        let lookup = router.find(method, target.extracting(0..<end))
        if case .found(let match) = lookup {
            self.method = method
            self.match = match
            path.removeAll(keepingCapacity: true)
            for position in 0..<target.byteCount { path.append(target.byte(at: position)) }
        }
        return lookup
    }
}
