import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

/// Row M89: a checkpoint is `{step, state_dict}` or the bare dictionary.
@Suite struct CheckpointTests {
    private func checkpoint() throws -> Checkpoint {
        var parameters: [String: Tensor] = [
            "conv.weight": Tensor(shape: [2, 1, 1, 2], elements: [1, -2, 3, 0.5] as [Float]),
            "bn.running_mean": Tensor(shape: [2], elements: [0.25, 4] as [Float]),
        ]
        var optimizer = Optimizer(.adam())
        let gradients = ["conv.weight": Tensor(shape: [2, 1, 1, 2], elements: [1, 1, -1, 0] as [Float])]
        try optimizer.update(&parameters, gradients: gradients, learningRate: 0.1)
        let state = StateDictionary(
            ["conv.weight", "bn.running_mean"].compactMap { name in
                parameters[name].map { StateDictionary.Entry(name: name, tensor: $0) }
            })
        return Checkpoint(
            step: 70_000, seed: .max - 3, parameters: state, optimizerStep: optimizer.step,
            optimizerState: optimizer.state)
    }

    @Test(arguments: ["c.pth", "c.safetensors"])
    func comesBackAsItWas(_ name: String) throws {
        let folder = try TemporaryFolder()
        let written = try checkpoint()
        try written.write(to: folder.path(name))
        #expect(try Checkpoint(path: folder.path(name)) == written)
        try written.write(to: folder.path("again-" + name))
        let bytes = try [name, "again-" + name].map { try Data(contentsOf: folder.url.appending(path: $0)) }
        #expect(bytes[0] == bytes[1])
        #expect(try folder.names.count == 2)
    }

    @Test(arguments: ["c.pth", "c.safetensors"])
    func readsABareDictionary(_ name: String) throws {
        let folder = try TemporaryFolder()
        let state = try checkpoint().parameters
        try state.write(to: folder.path(name))
        let read = try Checkpoint(path: folder.path(name))
        #expect(read.parameters == state)
        #expect(read.step == 0 && read.seed == nil && read.optimizerState.isEmpty)
    }

    @Test func readsStepAndStateDictionaryOnly() throws {
        let folder = try TemporaryFolder()
        let weight = Tensor(shape: [2], elements: [1, 2] as [Float])
        try PyTorchFile.write(
            [
                .init("step", .integer(-5)), .init("accuracy", .real(0.75)),
                .init("state_dict", .dictionary([.init("fc.weight", .tensor(weight))])),
            ], to: folder.path("c.pth"))
        let read = try Checkpoint(path: folder.path("c.pth"))
        #expect(read.step == -5)
        #expect(read.parameters.names == ["fc.weight"])
        #expect(read.parameters["fc.weight"] == weight)
        #expect(try StateDictionary(path: folder.path("c.pth"))["accuracy"] == Tensor(scalar: 0.75))
    }

    @Test func refusesAStepThatIsNone() throws {
        let folder = try TemporaryFolder()
        let state = StateDictionary.Entry(name: "state_dict.w", tensor: Tensor(zeros: [1], elementType: .float32))
        let step = StateDictionary.Entry(name: "step", tensor: Tensor(scalar: 1.5))
        try StateDictionary([step, state]).write(to: folder.path("c.safetensors"))
        #expect {
            _ = try Checkpoint(path: folder.path("c.safetensors"))
        } throws: { error in
            "\(error)".contains("array 'step'") && "\(error)".contains("not a whole number")
        }
    }

    @Test func torchOpensIt() throws {
        guard let python = PythonOracle.torchInterpreter() else { return }
        let folder = try TemporaryFolder()
        try checkpoint().write(to: folder.path("c.pth"))
        let script = """
            import sys, torch
            file = torch.load(sys.argv[1], weights_only=True)
            assert list(file) == ["step", "seed", "state_dict", "optimizer"], list(file)
            assert file["step"] == 70000 and file["seed"] == -4
            assert list(file["state_dict"]) == ["conv.weight", "bn.running_mean"]
            assert file["state_dict"]["bn.running_mean"].tolist() == [0.25, 4]
            assert file["state_dict"]["conv.weight"].shape == (2, 1, 1, 2)
            assert file["optimizer"]["step"] == 1
            state = file["optimizer"]["state"]
            assert sorted(state) == ["conv.weight.exp_avg", "conv.weight.exp_avg_sq"]
            assert torch.allclose(state["conv.weight.exp_avg"].flatten(), torch.tensor([0.1, 0.1, -0.1, 0]))
            """
        let outcome = try PythonOracle.run(python, script: script, arguments: [folder.path("c.pth")])
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
