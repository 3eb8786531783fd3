import Foundation
import OctetFormats
import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

/// A model around one module.
private final class Holder: Module {
  let module: Module

  init(_ module: Module) { self.module = module }

  override func makeCopy(_ copier: ModuleCopier) throws -> Module { Holder(try copier(module)) }
}

/// One family's example brought into one form.
private struct Stage: CustomStringConvertible {
  let example: FamilyExample
  let name: String
  /// Whether the form takes integers.
  let takesIntegers: Bool
  /// Whether other state means other results; not so for observers.
  var depends = true
  /// The type that runs in the end, where the table says it.
  var type: Module.Type?
  let bring: (Holder) throws -> Void

  var description: String { "\(example.type) \(name)" }

  /// A model with state of its own, in this form.
  func model(_ seed: UInt64) throws -> Holder {
    let holder = Holder(try example.make())
    var state = StateDictionary()
    let random = TestRandom(seed)
    for (name, tensor) in holder.stateDictionary().entries where tensor.dtype == .float32 {
      let range = name.hasSuffix("running_var") ? 0.5...2 : -1...1
      state[name] = try Tensor(random.floats(tensor.count, in: range), shape: tensor.shape)
    }
    try holder.load(state, strict: false)
    holder.eval()
    try bring(holder)
    return holder
  }

  /// The bytes of what a model computes.
  func results(_ model: Holder) throws -> [[UInt8]] {
    let inputs = try example.inputs.map {
      takesIntegers && $0.dtype == .float32
        ? try Functional.quantizePerTensor($0, scale: 0.02, zeroPoint: 120, dtype: .quint8) : $0
    }
    return try example.run(model.module, inputs).map { output in
      try output.contiguous().withBytes { Array($0) }
    }
  }
}

// Layers draw their first weights from one generator: one test at a time.
@Suite("Every family in every form", .serialized)
struct FamilyTests {
  @Test func everyFamilyHasAnExample() throws {
    let examples = try FamilyExamples.all().map { ObjectIdentifier($0.type) }
    #expect(Set(examples).count == examples.count)
    let known = Set(examples)
    for family in Families.all where !known.contains(ObjectIdentifier(family.float)) {
      // Quantizable forms are reached by the example of what they are made of.
      #expect("\(family.float)".isEmpty == false)
      #expect(family.forms == [.quantized] && isQuantizable(family.float), "\(family.float)")
    }
    #expect(examples.count == Families.all.filter { !isQuantizable($0.float) }.count)
  }

  private func isQuantizable(_ type: Module.Type) -> Bool {
    String(reflecting: type).contains(".Quantizable.")
  }

  @Test func everyFormSavesCopiesAndRuns() throws {
    for stage in try Self.stages() {
      do {
        let (a, b) = (try stage.model(1), try stage.model(2))
        if let type = stage.type {
          #expect(Swift.type(of: a.module.current) == type, "\(stage)")
        }
        try check(stage, a, b)
        for holder in [a, b] { try FormReflection.check(holder, "\(stage)") }
      } catch {
        Issue.record("\(stage): \(error)")
      }
    }
  }

  private func check(_ stage: Stage, _ a: Holder, _ b: Holder) throws {
    let (wanted, other) = (try stage.results(a), try stage.results(b))
    #expect(!wanted.isEmpty, "\(stage)")
    let (state, otherState) = (a.stateDictionary(), b.stateDictionary())
    if stage.depends, try bytes(state) != bytes(otherState) {
      #expect(wanted != other, "\(stage)")
    }

    let copy = try a.copy()
    #expect(type(of: copy.module.current) == type(of: a.module.current), "\(stage)")
    #expect(try stage.results(copy) == wanted, "\(stage): the copy computes the same")
    let copied = copy.stateDictionary()
    #expect(addresses(copied).isDisjoint(with: addresses(state)), "\(stage): memory of its own")
    try copy.load(otherState)
    #expect(try stage.results(copy) == other, "\(stage): the copy takes another state")
    #expect(try stage.results(a) == wanted, "\(stage): the original doesn't change")
    #expect(try bytes(a.stateDictionary()) == bytes(state), "\(stage)")

    let path = FileManager.default.temporaryDirectory
      .appending(path: "octet-family-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try saveTensors(state.entries.map { ($0.name, $0.tensor) }, path: path)
    try b.load(StateDictionary(loadTensors(path: path)))
    #expect(try stage.results(b) == wanted, "\(stage): the loaded model computes the same")
    #expect(try bytes(b.stateDictionary()) == bytes(state), "\(stage)")
  }

  @Test func savedModelsGiveTheSameBitsOnEveryTier() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "octet-tiers-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (number, stage) in try Self.stages().enumerated() {
      let model = try stage.model(1)
      try saveTensors(
        model.stateDictionary().entries.map { ($0.name, $0.tensor) },
        path: folder.appending(path: "\(number).safetensors").path)
      try Data(stage.results(model).joined()).write(to: folder.appending(path: "\(number).bits"))
    }
    // A process picks its tier once, so each has one of its own, which reads where to look from its environment.
    setenv(Self.folderVariable, folder.path, 1)
    defer { unsetenv(Self.folderVariable) }
    for tier in Kernels.supportedISAs {
      setenv(Self.tierVariable, tier, 1)
      defer { unsetenv(Self.tierVariable) }
      await #expect(processExitsWith: .success, "\(tier)") { try FamilyTests.replay() }
    }
  }

  private static let folderVariable = "OCTET_TEST_MODELS"
  private static let tierVariable = "OCTET_TEST_TIER"

  /// Loads each saved model into one of other weights, and compares what it computes on this process's tier.
  fileprivate static func replay() throws {
    let environment = ProcessInfo.processInfo.environment
    let tier = try #require(environment[tierVariable])
    setenv("OCTET_MAX_ISA", tier, 1)
    #expect(try Kernels.maxISA() == tier)
    let folder = URL(filePath: try #require(environment[folderVariable]))
    for (number, stage) in try stages().enumerated() {
      let model = try stage.model(2)
      let path = folder.appending(path: "\(number).safetensors").path
      try model.load(StateDictionary(loadTensors(path: path)))
      let wanted = try Data(contentsOf: folder.appending(path: "\(number).bits"))
      #expect(try Data(stage.results(model).joined()) == wanted, "\(stage)")
    }
  }

  private func bytes(_ state: StateDictionary) throws -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for (name, tensor) in state.entries {
      result["\(name) \(tensor.dtype.rawValue) \(tensor.shape)"] = try tensor.contiguous()
        .withBytes { Array($0) }
    }
    return result
  }

  private func addresses(_ state: StateDictionary) -> Set<UInt> {
    Set(
      state.entries.filter { $0.tensor.count > 0 }.map { entry in
        entry.tensor.withBytes { UInt(bitPattern: $0.baseAddress) }
      })
  }

  // MARK: Forms

  /// Every form of every family's example.
  private static func stages() throws -> [Stage] {
    try FamilyExamples.all().flatMap { example in
      guard let family = Families.all.first(where: { $0.float == example.type }) else {
        return [Stage]()
      }
      var stages = [
        Stage(example: example, name: "float", takesIntegers: false, type: family.float) { _ in }
      ]
      for form in family.forms {
        switch form {
        case .quantizable, .quantized: stages += observed(example, form)
        case .dynamic:
          stages += dynamic(example)
        case .reference:
          stages.append(
            Stage(example: example, name: "reference", takesIntegers: false) {
              try prepared($0, example)
              try convert($0, to: .reference)
            })
        case .trained: stages += family.trained.flatMap { trained(example, $0) }
        }
      }
      return stages
    }
  }

  private static func prepared(_ holder: Holder, _ example: FamilyExample) throws {
    holder.qconfig = example.qconfig
    try prepare(holder)
    _ = try example.run(holder.module, example.inputs)
  }

  private static func observed(_ example: FamilyExample, _ form: FamilyForm) -> [Stage] {
    [
      Stage(example: example, name: "observed", takesIntegers: false, depends: false) {
        try prepared($0, example)
      },
      Stage(example: example, name: "quantized", takesIntegers: example.takesIntegers) {
        try prepared($0, example)
        try convert($0)
      },
    ]
  }

  private static func dynamic(_ example: FamilyExample) -> [Stage] {
    let isTable = !example.takesIntegers
    var stages = [
      Stage(example: example, name: "dynamic", takesIntegers: false) {
        try quantizeDynamic(
          $0, only: ["module": isTable ? example.qconfig : .defaultDynamic])
      }
    ]
    if example.type == Linear.self || example.type == Fused.LinearReLU.self {
      stages.append(
        Stage(example: example, name: "dynamic float16", takesIntegers: false) {
          try quantizeDynamic($0, dtype: .float16)
        })
    }
    return stages
  }

  private static func trained(_ example: FamilyExample, _ recipe: TrainingRecipe) -> [Stage] {
    let target: TrainingTarget =
      switch recipe.use {
      case .activations: .activations
      case .embeddings: .embeddings
      case .runTime: .runTime
      }
    func train(_ holder: Holder) throws {
      holder.qconfig = recipe.use == .runTime ? .defaultDynamicQAT : example.trainingQConfig
      holder.train()
      try prepareQAT(holder, target: target)
      for _ in 0..<2 { _ = try example.run(holder.module, example.inputs) }
      holder.eval()
    }
    return [
      Stage(
        example: example, name: "trained \(recipe.use)", takesIntegers: false, type: recipe.type
      ) {
        try train($0)
        // Fake quantizers follow what they see in evaluation too.
        disableObserver($0)
      },
      Stage(
        example: example, name: "trained \(recipe.use) and converted",
        takesIntegers: recipe.use == .activations && example.takesIntegers
      ) {
        try train($0)
        try convert($0, to: recipe.use == .runTime ? .dynamic : .quantized)
      },
    ]
  }
}
