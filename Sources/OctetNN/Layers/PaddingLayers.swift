import OctetTensor

/// Zeros around `[N, C, L]`. torch.nn.ZeroPad1d.
public final class ZeroPad1d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 1, all: padding, .constant(0))
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 1, padding, .constant(0))
  }
}

/// Zeros around `[N, C, H, W]`. torch.nn.ZeroPad2d.
public final class ZeroPad2d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 2, all: padding, .constant(0))
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 2, padding, .constant(0))
  }
}

/// Zeros around `[N, C, D, H, W]`. torch.nn.ZeroPad3d.
public final class ZeroPad3d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 3, all: padding, .constant(0))
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 3, padding, .constant(0))
  }
}

/// A value around `[N, C, L]`. torch.nn.ConstantPad1d.
public final class ConstantPad1d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int, value: Double) {
    self.init(rank: 1, all: padding, .constant(value))
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int], value: Double) throws {
    try self.init(rank: 1, padding, .constant(value))
  }
}

/// A value around `[N, C, H, W]`. torch.nn.ConstantPad2d.
public final class ConstantPad2d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int, value: Double) {
    self.init(rank: 2, all: padding, .constant(value))
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int], value: Double) throws {
    try self.init(rank: 2, padding, .constant(value))
  }
}

/// A value around `[N, C, D, H, W]`. torch.nn.ConstantPad3d.
public final class ConstantPad3d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int, value: Double) {
    self.init(rank: 3, all: padding, .constant(value))
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int], value: Double) throws {
    try self.init(rank: 3, padding, .constant(value))
  }
}

/// The mirror image, without the edge, around `[N, C, L]`. torch.nn.ReflectionPad1d.
public final class ReflectionPad1d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 1, all: padding, .reflect)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 1, padding, .reflect)
  }
}

/// The mirror image, without the edge, around `[N, C, H, W]`. torch.nn.ReflectionPad2d.
public final class ReflectionPad2d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 2, all: padding, .reflect)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 2, padding, .reflect)
  }
}

/// The mirror image, without the edge, around `[N, C, D, H, W]`. torch.nn.ReflectionPad3d.
public final class ReflectionPad3d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 3, all: padding, .reflect)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 3, padding, .reflect)
  }
}

/// The edge's repetition around `[N, C, L]`. torch.nn.ReplicationPad1d.
public final class ReplicationPad1d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 1, all: padding, .replicate)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 1, padding, .replicate)
  }
}

/// The edge's repetition around `[N, C, H, W]`. torch.nn.ReplicationPad2d.
public final class ReplicationPad2d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 2, all: padding, .replicate)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 2, padding, .replicate)
  }
}

/// The edge's repetition around `[N, C, D, H, W]`. torch.nn.ReplicationPad3d.
public final class ReplicationPad3d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 3, all: padding, .replicate)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 3, padding, .replicate)
  }
}

/// The other end around `[N, C, L]`. torch.nn.CircularPad1d.
public final class CircularPad1d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 1, all: padding, .circular)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 1, padding, .circular)
  }
}

/// The other end around `[N, C, H, W]`. torch.nn.CircularPad2d.
public final class CircularPad2d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 2, all: padding, .circular)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 2, padding, .circular)
  }
}

/// The other end around `[N, C, D, H, W]`. torch.nn.CircularPad3d.
public final class CircularPad3d: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int) {
    self.init(rank: 3, all: padding, .circular)
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws {
    try self.init(rank: 3, padding, .circular)
  }
}
