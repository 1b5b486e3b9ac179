internal import NIOCore
internal import NIOHTTPTypes

/// Closes a connection whose client is too slow, however many bytes it sends in between.
///
/// There is always one deadline: for the head of the next request, then for its body, then for the answer to be sent.
final class ConnectionDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let headLimit: TimeAmount
    private let bodyLimit: TimeAmount
    private let responseLimit: TimeAmount
    private var deadline: Scheduled<Void>?
    /// Requests whose answer is not sent yet.
    private var openRequests = 0

    init(headLimit: Duration, bodyLimit: Duration, responseLimit: Duration) {
        self.headLimit = TimeAmount(headLimit)
        self.bodyLimit = TimeAmount(bodyLimit)
        self.responseLimit = TimeAmount(responseLimit)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { expect(within: headLimit, context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        expect(within: headLimit, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            openRequests += 1
            expect(within: bodyLimit, context)
        case .body: break
        case .end: expect(within: responseLimit, context)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else {
            context.write(data, promise: promise)
            return
        }
        // Written means that the client's side took it: a client that does not read has the same deadline.
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { [self] in
            openRequests = max(0, openRequests - 1)
            guard context.channel.isActive else { return }
            expect(within: openRequests > 0 ? responseLimit : headLimit, context)
        }
        context.write(data, promise: written)
    }

    private func expect(within limit: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { context.close(promise: nil) }
    }
}
