import OctetTensor

/// How a fan is counted for `Initializers`.
public enum FanMode: Sendable {
  /// Inputs of each output: keeps the size of activations on the way forward.
  case fanIn
  /// Outputs of each input: keeps the size of gradients on the way back.
  case fanOut
}

/// The factor by which a nonlinearity asks for larger weights. torch.nn.init.calculate_gain.
public enum Nonlinearity: Sendable, Equatable {
  /// None: 1.
  case linear
  /// 5/3.
  case tanh
  /// The square root of 2.
  case relu
  /// `sqrt(2 / (1 + slope²))`.
  case leakyReLU(slope: Double)
  /// 3/4.
  case selu

  /// The factor.
  public var gain: Double {
    switch self {
    case .linear: 1
    case .tanh: 5.0 / 3
    case .relu: 2.0.squareRoot()
    case .leakyReLU(let slope): (2 / (1 + slope * slope)).squareRoot()
    case .selu: 0.75
    }
  }
}

/// First values for parameters, drawn from `RandomSource.shared`. torch.nn.init.
public enum Initializers {
  /// Every element `value`. torch.nn.init.constant_.
  public static func constant(_ parameter: Parameter, _ value: Float) throws(OctetError) {
    parameter.value = try Tensor(repeating: value, shape: parameter.value.shape)
  }

  /// Even over a range. torch.nn.init.uniform_.
  public static func uniform(_ parameter: Parameter, in range: ClosedRange<Double> = 0...1)
    throws(OctetError)
  {
    let shape = parameter.value.shape
    let values = RandomSource.shared.uniform(count: parameter.value.count, in: range)
    parameter.value = try Tensor(values, shape: shape)
  }

  /// The normal distribution. torch.nn.init.normal_.
  public static func normal(
    _ parameter: Parameter, mean: Double = 0, standardDeviation: Double = 1
  ) throws(OctetError) {
    let shape = parameter.value.shape
    let values = RandomSource.shared.normal(count: parameter.value.count).map {
      Float(mean + standardDeviation * Double($0))
    }
    parameter.value = try Tensor(values, shape: shape)
  }

  /// Even over `±gain * sqrt(3 / fan)`. torch.nn.init.kaiming_uniform_.
  public static func kaimingUniform(
    _ parameter: Parameter, mode: FanMode = .fanIn,
    nonlinearity: Nonlinearity = .leakyReLU(slope: 0)
  ) throws(OctetError) {
    let bound = try deviation(parameter, mode, nonlinearity) * 3.0.squareRoot()
    try uniform(parameter, in: -bound...bound)
  }

  /// Normal with the deviation `gain / sqrt(fan)`. torch.nn.init.kaiming_normal_.
  public static func kaimingNormal(
    _ parameter: Parameter, mode: FanMode = .fanIn,
    nonlinearity: Nonlinearity = .leakyReLU(slope: 0)
  ) throws(OctetError) {
    try normal(parameter, standardDeviation: deviation(parameter, mode, nonlinearity))
  }

  /// Even over `±gain * sqrt(6 / (fanIn + fanOut))`. torch.nn.init.xavier_uniform_.
  public static func xavierUniform(_ parameter: Parameter, gain: Double = 1) throws(OctetError) {
    let fans = try fans(parameter)
    let bound = gain * (6 / Double(fans.in + fans.out)).squareRoot()
    try uniform(parameter, in: -bound...bound)
  }

  /// Normal with the deviation `gain * sqrt(2 / (fanIn + fanOut))`. torch.nn.init.xavier_normal_.
  public static func xavierNormal(_ parameter: Parameter, gain: Double = 1) throws(OctetError) {
    let fans = try fans(parameter)
    try normal(
      parameter, standardDeviation: gain * (2 / Double(fans.in + fans.out)).squareRoot())
  }

  private static func deviation(
    _ parameter: Parameter, _ mode: FanMode, _ nonlinearity: Nonlinearity
  ) throws(OctetError) -> Double {
    let fans = try fans(parameter)
    let fan = mode == .fanIn ? fans.in : fans.out
    return fan > 0 ? nonlinearity.gain / Double(fan).squareRoot() : 0
  }

  /// Inputs of each output and outputs of each input of a weight `[O, I, kernel...]`.
  private static func fans(_ parameter: Parameter) throws(OctetError) -> (in: Int, out: Int) {
    let shape = parameter.value.shape
    guard shape.count >= 2 else {
      throw OctetError(
        .shapeMismatch, operation: "Initializers", argument: "parameter",
        expected: "a weight of at least two dimensions", received: "shape \(shape)",
        fix: "use constant, uniform or normal")
    }
    let field = shape[2...].reduce(1, *)
    return (shape[1] * field, shape[0] * field)
  }
}
