internal import Compression
internal import Domain
internal import Features
package import Transport

/// One POST of training traffic: its body is cut into batches, each offered to the lane, each answered with a line.
///
/// Bound to the exchange's event loop. The body is held back by flow control while too many batches wait.
package final class TrainingPost: BodyReceiver {
    private let lane: ModelLane
    private let request: TrainingRequest
    private var cutter: BodyCutter
    private var pieces: BodyPieces
    /// The number the next batch will have.
    private var sequence: UInt64
    private var batchesInFlight = 0
    private var bytesInFlight = 0
    /// Bytes of the body read but not yet reported as consumed.
    private var heldByteCount = 0
    private var hasBodyEnded = false
    private let body = OfferedBody()
    /// No further batch is offered: a gap, a conflict or a refusal was answered, or the peer went away.
    private var isOver = false
    private var receivedByteCount = 0

    /// Kept while the body is unpacked.
    private let place: UnpackingPlaces.Place?
    /// A packed body has had its turn, and will have another.
    private var isToBeContinued = false

    /// - Throws: where there is no room to unpack the body.
    package init(
        _ lane: ModelLane, _ request: TrainingRequest, _ places: UnpackingPlaces
    ) throws(TrainingRequest.Problem) {
        place = request.coding == nil ? nil : places.take()
        guard request.coding == nil || place != nil else {
            throw TrainingRequest.Problem(status: 503, text: "too many bodies are being unpacked")
        }
        do throws(CompressionError) { pieces = try BodyPieces(request.coding) } catch {
            throw TrainingRequest.Problem(status: 503, text: error.description)
        }
        self.lane = lane
        self.request = request
        sequence = request.sequence ?? 0
        cutter = BodyCutter(request.content, lane.plan, lineCount: request.batchLineCount)
    }

    package func received(_ chunk: Bytes, on exchange: Exchange) {
        receivedByteCount += chunk.readableBytes
        guard !isOver else { return exchange.consumed(chunk.readableBytes) }
        if request.isStreamed && !hasStarted { start(exchange) }
        pieces.append(chunk)
        heldByteCount += chunk.readableBytes
        cut(exchange)
    }

    package func ended(_ exchange: Exchange) {
        hasBodyEnded = true
        if request.isStreamed && !hasStarted { start(exchange) }
        goOn(exchange)
    }

    package func cancelled() { isOver = true }

    private var hasStarted = false
    private func start(_ exchange: Exchange) {
        hasStarted = true
        exchange.start(status: 200, contentType: "application/x-ndjson")
    }

    /// Cuts what is here, and ends the answer behind the last batch.
    private func goOn(_ exchange: Exchange) {
        cut(exchange)
        if hasBodyEnded && batchesInFlight == 0 && !isOver && !isToBeContinued { end(exchange) }
    }

    private func cut(_ exchange: Exchange) {
        guard !isToBeContinued else { return }
        var unpackedByteCount = 0
        do throws(BatchCutter.Failure) {
            while !isOver, isRoom {
                let endsBody = hasBodyEnded && pieces.isEmpty
                if endsBody { try pieces.finish() }
                if let batch = try cutter.next(endsBody: endsBody) {
                    offer(batch, exchange)
                } else {
                    let hasPiece = try pieces.next { piece in
                        cutter.append(piece)
                        unpackedByteCount += piece.byteCount
                    }
                    guard hasPiece else { break }
                    guard !pieces.isPacked || unpackedByteCount < Limits.Training.unpackedBytesPerTurn else {
                        return continueLater(exchange)
                    }
                }
            }
        } catch {
            let (status, text) = error.answer
            refuse(exchange, status: status, text)
        }
        if isRoom && heldByteCount > 0 && !isOver {
            exchange.consumed(heldByteCount)
            heldByteCount = 0
        }
    }

    /// Others of this loop have their turn first; the peer is not asked for more meanwhile.
    private func continueLater(_ exchange: Exchange) {
        isToBeContinued = true
        TrainingPostHandle(self, exchange).onLoop { post, exchange in
            post.isToBeContinued = false
            post.goOn(exchange)
        }
    }

    private var isRoom: Bool {
        batchesInFlight < Limits.Training.batchesInFlightMax && bytesInFlight < Limits.Training.bytesInFlightMax
    }

    private func offer(_ batch: BatchCutter.Batch, _ exchange: Exchange) {
        guard lane.queuedByteCount.withLockedValue({ $0 }) < Limits.Training.queuedByteCountMax else {
            return refuse(exchange, status: 503, "the model's queue is full")
        }
        batchesInFlight += 1
        bytesInFlight += batch.byteCount
        let number = sequence
        sequence += 1
        let (reply, byteCount) = (BatchReply(batch, number: request.trainer == nil ? nil : number), batch.byteCount)
        let handle = TrainingPostHandle(self, exchange)
        lane.submit(
            Offer(
                name: request.trainer.map { Offer.Name(trainer: $0, sequence: number, digest: batch.digest) },
                body: body, batch: batch.examples, byteCount: batch.byteCount,
                isFollowed: cutter.hasRest || !pieces.isEmpty, refusedAfter: .now + Limits.Training.grantWait,
                answer: { outcome, examples in
                    handle.onLoop { post, exchange in
                        post.cutter.recycle(examples)
                        post.answered(reply, outcome, byteCount, exchange)
                    }
                }))
    }

    private func answered(_ reply: BatchReply, _ outcome: BatchOutcome, _ byteCount: Int, _ exchange: Exchange) {
        batchesInFlight -= 1
        bytesInFlight -= byteCount
        guard !isOver else { return }
        if case .refused(let reason) = outcome { return refuse(exchange, status: 503, reason) }
        let line = reply.line(outcome)
        if hasStarted {
            exchange.write(Bytes(string: line))
            if !outcome.isAcceptance {
                isOver = true
                return exchange.finish()
            }
            goOn(exchange)
        } else {
            isOver = true
            exchange.respond(
                status: outcome.isAcceptance ? 200 : 409, contentType: "application/json", body: Bytes(string: line))
        }
    }

    private func end(_ exchange: Exchange) {
        isOver = true
        if hasStarted { return exchange.finish() }
        exchange.fail(status: 400, "the body has no line to learn")
    }

    private func refuse(_ exchange: Exchange, status: Int, _ reason: String) {
        isOver = true
        let retry = status == 503 ? [("retry-after", String(Limits.Training.retryAfterSeconds))] : []
        if hasStarted {
            exchange.write(Bytes(string: jsonObject(["error": jsonString(reason), "status": "\(status)"]) + "\n"))
            exchange.finish()
        } else {
            exchange.fail(status: status, reason, headers: retry)
        }
        if heldByteCount > 0 {
            exchange.consumed(heldByteCount)
            heldByteCount = 0
        }
    }
}

/// Reaches a post from the lane's thread.
///
/// Safe because the post is touched only inside `onLoop`, on its exchange's loop.
private struct TrainingPostHandle: @unchecked Sendable {
    private let post: TrainingPost
    private let remote: RemoteExchange

    init(_ post: TrainingPost, _ exchange: Exchange) {
        self.post = post
        remote = exchange.remote
    }

    func onLoop(_ body: @escaping @Sendable (TrainingPost, Exchange) -> Void) {
        let handle = self
        remote.onLoop { exchange in body(handle.post, exchange) }
    }
}
