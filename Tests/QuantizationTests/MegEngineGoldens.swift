import Foundation
import Quantization
import Tensors
import TestSupport
import Testing

/// Numbers that MegEngine 1.13.0 gave for inputs of ours (`Tests/Fixtures/goldens/goldens_megengine.json`).
struct MegEngineGoldens: Decodable {
    struct Rounding: Decodable {
        let x, round, toQint8Scale1, toQuint8Scale1Zp10, toQint4Scale1, toQint32Scale1: [Float]
    }
    struct Observer: Decodable {
        let observer, dtype, mode: String
        let batches: [[Float]]
        let min, max, scale: Float
        let zeroPoint: Float?
    }
    struct Histograms: Decodable {
        struct Case: Decodable {
            struct Options: Decodable {
                let bins, upsampleRate: Int?
            }
            let dtype: String
            let kw: Options
            let min, max, newMin, newMax, scale, histSum: Float
            let nonzeroBins: Int
        }
        struct Combination: Decodable {
            let bins, upsample: Int
            let hist1, hist2: [Float]
            let min, max: Float
        }
        let cases: [String: Case]
        let smallCombine: Combination
    }
    struct FakeQuantization: Decodable {
        let x, params, y, gx, gparams: [Float]
        let dtype: String?
        let qmin, qmax: Int?
        let scale, zeroPoint, gradScale: Float?

        /// The kind of integers, for entries that name its ends only.
        var kind: QuantDtype? { dtype.flatMap(QuantDtype.init) ?? (qmin == -127 ? .qint8Narrow : .qint8) }
    }
    let roundHalfAway: Rounding
    let observers: [Observer]
    let histogram: Histograms
    let tqt, lsq, fakeQuant: [FakeQuantization]

    static func load() throws -> MegEngineGoldens {
        let url = Fixtures.directory.appending(path: "goldens/goldens_megengine.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(MegEngineGoldens.self, from: Data(contentsOf: url))
    }
}

/// Whether two numbers agree within 1e-6 of the larger, or of 1e-6 itself near zero.
func isClose(_ actual: Float, _ expected: Float, tolerance: Float = 1e-6) -> Bool {
    abs(actual - expected) <= tolerance * max(abs(expected), 1e-30) || actual == expected
}

extension ObserverState {
    mutating func observe(_ elements: [Float]) { observe(elements.span) }
}
