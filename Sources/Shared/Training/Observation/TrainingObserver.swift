/// Sees every operation of a training step: those of the graph forward, the loss, and the way back.
///
/// Called on the thread that computes, in the order of the operations, after each of them. The tensors are copies.
public protocol TrainingObserver: AnyObject {
    /// An operation has run.
    func record(_ operation: TrainingOperation)
}
