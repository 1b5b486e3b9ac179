internal import ControlAPI
internal import CoordinatorCore
internal import Dispatch
internal import Synchronization
internal import Wire

/// The clients on the control socket: computes each answer once and sends it in pieces, as often as it is asked for.
final class ClientDesk<Factory: JobFactory>: Sendable {
    private struct Answer {
        var status: Int
        var bytes: [UInt8]
    }

    private enum Next {
        case send(Answer)
        case compute
        case wait
    }

    private struct State {
        /// Answers by request, the oldest first.
        var answers: [(id: RequestID, answer: Answer)] = []
        /// Requests that are being answered.
        var pending: Set<RequestID> = []
    }

    private let desk: RequestDesk<Factory>
    private let control: Mailbox<ControlServer.Command>
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "tare.clients", attributes: .concurrent)

    /// Answers that are kept for clients that have not fetched them whole, and requests that may be under way.
    private static var capacity: Int { 64 }

    init(desk: RequestDesk<Factory>, control: Mailbox<ControlServer.Command>) {
        self.desk = desk
        self.control = control
    }

    /// Takes a request from the control thread.
    ///
    /// - Parameters:
    ///   - request: What is asked.
    ///   - mayChange: Whether the client's key allows to change something.
    ///   - session: Who asked.
    ///   - peer: Where the answer goes.
    func receive(_ request: ClientRequest, mayChange: Bool, session: SessionID, peer: PeerAddress) {
        let next: Next = state.withLock { state in
            if let known = state.answers.first(where: { $0.id == request.id }) { return .send(known.answer) }
            guard !state.pending.contains(request.id), state.pending.count < Self.capacity else { return .wait }
            state.pending.insert(request.id)
            return .compute
        }
        switch next {
        case .send(let answer): send(answer, to: request, session, peer)
        case .wait: break  // The client asks again.
        case .compute:
            queue.async { [self] in
                let answer = answer(request, mayChange: mayChange)
                state.withLock { state in
                    state.pending.remove(request.id)
                    if state.answers.count == Self.capacity { state.answers.removeFirst() }
                    state.answers.append((request.id, answer))
                }
                send(answer, to: request, session, peer)
            }
        }
    }

    private func answer(_ request: ClientRequest, mayChange: Bool) -> Answer {
        do throws(ControlError) {
            let wanted: ControlRequest
            do {
                wanted = try Documents.decode(ControlRequest.self, from: Array(request.text.utf8))
            } catch {
                throw ControlError(error)
            }
            guard mayChange || !wanted.isMutating else {
                throw ControlError(.refused, "This key may only look: its role is viewer; use a submitter's key")
            }
            return Answer(status: 200, bytes: try desk.answer(wanted))
        } catch {
            return Answer(status: error.status, bytes: error.bytes)
        }
    }

    private func send(_ answer: Answer, to request: ClientRequest, _ session: SessionID, _ peer: PeerAddress) {
        let start = min(request.offset, answer.bytes.count)
        let end = min(start + WireLimits.clientBytes, answer.bytes.count)
        control.post(
            .answer(
                ClientAnswer(
                    id: request.id, status: answer.status, total: answer.bytes.count, offset: start,
                    content: Array(answer.bytes[start..<end])), session: session, peer: peer))
    }
}
