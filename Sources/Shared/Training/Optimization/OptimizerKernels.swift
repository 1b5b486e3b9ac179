import CKernels
import Tensors

#if canImport(Glibc)
import Glibc
#endif

/// Applies the rule of an optimizer to the elements of one parameter.
enum OptimizerKernels {
    /// Changes a parameter and its state in place; all are float32 of one shape.
    static func update(
        _ rule: OptimizerRule, _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout [Tensor], rate: Double,
        decay: Float, step: Int
    ) {
        let count = parameter.elementCount
        switch rule {
        case .sgd(let momentum):
            unsafe withFloats(&parameter) { weights in
                guard !state.isEmpty else {
                    unsafe tare_training_sgd(weights, floats(gradient), nil, count, Float(rate), momentum, decay)
                    return
                }
                unsafe withFloats(&state[0]) { velocity in
                    unsafe tare_training_sgd(weights, floats(gradient), velocity, count, Float(rate), momentum, decay)
                }
            }
        case .adam(let beta1, let beta2, let epsilon):
            var settings = tare_training_adam_step(
                rate: Float(rate), beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay,
                correction1: Float(1 - pow(Double(beta1), Double(step))),
                root_correction2: Float((1 - pow(Double(beta2), Double(step))).squareRoot()))
            var (first, second) = (state[0], state[1])
            state.removeAll()
            unsafe withFloats(&parameter) { weights in
                unsafe withFloats(&first) { mean in
                    unsafe withFloats(&second) { square in
                        unsafe tare_training_adam(&settings, weights, floats(gradient), mean, square, count)
                    }
                }
            }
            state = [first, second]
        }
    }

    private static func withFloats(_ tensor: inout Tensor, _ body: (UnsafeMutablePointer<Float>?) -> Void) {
        unsafe tensor.withUnsafeMutableBytes { bytes in
            unsafe body(bytes.baseAddress?.assumingMemoryBound(to: Float.self))
        }
    }

    private static func floats(_ tensor: Tensor) -> UnsafePointer<Float>? {
        unsafe tensor.storage.bytes.baseAddress?.assumingMemoryBound(to: Float.self)
    }
}
