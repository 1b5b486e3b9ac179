internal import Calibration
internal import ControlAPI
internal import CoordinatorStore
internal import Evaluation
internal import Tensors

extension RequestDesk {
    /// What is known about each layer of a job: a calibration's ranges, or an evaluation's errors.
    ///
    /// - Throws: `ControlError` when there is no such job or it has no statistics yet; what is wrong with the statistics when they
    ///   are damaged.
    func layers(of id: UInt64, _ page: Page) throws -> [UInt8] {
        let summary = try summary(id)
        guard let digest = summary.results.first(where: { $0.name == ResultContent.Name.statistics.rawValue })?.digest
        else { throw ControlError(.notReady, "Job \(id) has no statistics yet; they are there when it is completed") }
        let file = try Safetensors(decoding: try state.blobs.bytes(digest), name: "job \(id)")
        if EvaluationStatistics.isEncoded(in: file) {
            return try Self.layers(of: EvaluationStatistics(file), page)
        }
        let manifest = try summary.results.first { $0.name == ResultContent.Name.manifest.rawValue }.map {
            try ResultManifest(jsonBytes: try state.blobs.bytes($0.digest))
        }
        return try Self.layers(of: CalibrationStatistics(file), manifest, page)
    }

    private static func layers(of statistics: EvaluationStatistics, _ page: Page) throws -> [UInt8] {
        let layers = statistics.layers.sorted { $0.key < $1.key }
        return try Documents.encode(
            PageDocument(page, of: layers) { name, layer in
                EvaluatedLayerDocument(
                    tensor: name, own: ResultManifest.Evaluation.Errors(layer.own),
                    total: ResultManifest.Evaluation.Errors(layer.total), saturatedShare: layer.saturatedShare)
            })
    }

    private static func layers(
        of statistics: CalibrationStatistics, _ manifest: ResultManifest?, _ page: Page
    ) throws -> [UInt8] {
        let tensors = statistics.tensors.sorted { $0.key < $1.key }
        return try Documents.encode(
            PageDocument(page, of: tensors) { name, tensor in
                LayerDocument(
                    tensor: name, statistics: tensor, activation: manifest?.activations.first { $0.name == name })
            })
    }
}
