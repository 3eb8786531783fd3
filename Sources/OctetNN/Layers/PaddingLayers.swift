import OctetTensor

/// What padding layers share whose mode alone says what stands in the border. Use `ZeroPad2d`, `ReflectionPad1d` and the others.
public class BorderPadding: Padding {
  /// What stands in the border.
  class var mode: PaddingMode { .zeros }

  /// The same number on every side.
  public convenience init(_ padding: Int) { self.init(all: padding, Self.mode) }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int]) throws { try self.init(list: padding, Self.mode) }
}

/// Zeros around `[N, C, L]`. torch.nn.ZeroPad1d.
public final class ZeroPad1d: BorderPadding {}

/// Zeros around `[N, C, H, W]`. torch.nn.ZeroPad2d.
public final class ZeroPad2d: BorderPadding {
  override class var rank: Int { 2 }
}

/// Zeros around `[N, C, D, H, W]`. torch.nn.ZeroPad3d.
public final class ZeroPad3d: BorderPadding {
  override class var rank: Int { 3 }
}

/// What `ReflectionPad1d`, `ReflectionPad2d` and `ReflectionPad3d` share.
public class ReflectionPad: BorderPadding {
  override class var mode: PaddingMode { .reflect }
}

/// The mirror image, without the edge, around `[N, C, L]`. torch.nn.ReflectionPad1d.
public final class ReflectionPad1d: ReflectionPad {}

/// The mirror image, without the edge, around `[N, C, H, W]`. torch.nn.ReflectionPad2d.
public final class ReflectionPad2d: ReflectionPad {
  override class var rank: Int { 2 }
}

/// The mirror image, without the edge, around `[N, C, D, H, W]`. torch.nn.ReflectionPad3d.
public final class ReflectionPad3d: ReflectionPad {
  override class var rank: Int { 3 }
}

/// What `ReplicationPad1d`, `ReplicationPad2d` and `ReplicationPad3d` share.
public class ReplicationPad: BorderPadding {
  override class var mode: PaddingMode { .replicate }
}

/// The edge's repetition around `[N, C, L]`. torch.nn.ReplicationPad1d.
public final class ReplicationPad1d: ReplicationPad {}

/// The edge's repetition around `[N, C, H, W]`. torch.nn.ReplicationPad2d.
public final class ReplicationPad2d: ReplicationPad {
  override class var rank: Int { 2 }
}

/// The edge's repetition around `[N, C, D, H, W]`. torch.nn.ReplicationPad3d.
public final class ReplicationPad3d: ReplicationPad {
  override class var rank: Int { 3 }
}

/// What `CircularPad1d`, `CircularPad2d` and `CircularPad3d` share.
public class CircularPad: BorderPadding {
  override class var mode: PaddingMode { .circular }
}

/// The other end around `[N, C, L]`. torch.nn.CircularPad1d.
public final class CircularPad1d: CircularPad {}

/// The other end around `[N, C, H, W]`. torch.nn.CircularPad2d.
public final class CircularPad2d: CircularPad {
  override class var rank: Int { 2 }
}

/// The other end around `[N, C, D, H, W]`. torch.nn.CircularPad3d.
public final class CircularPad3d: CircularPad {
  override class var rank: Int { 3 }
}

/// What padding layers share that put a value into the border. Use `ConstantPad1d`, `ConstantPad2d` or `ConstantPad3d`.
public class ConstantPadding: Padding {
  /// The same number on every side.
  public convenience init(_ padding: Int, value: Double) {
    self.init(all: padding, .constant(value))
  }

  /// Torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  public convenience init(_ padding: [Int], value: Double) throws {
    try self.init(list: padding, .constant(value))
  }
}

/// A value around `[N, C, L]`. torch.nn.ConstantPad1d.
public final class ConstantPad1d: ConstantPadding {}

/// A value around `[N, C, H, W]`. torch.nn.ConstantPad2d.
public final class ConstantPad2d: ConstantPadding {
  override class var rank: Int { 2 }
}

/// A value around `[N, C, D, H, W]`. torch.nn.ConstantPad3d.
public final class ConstantPad3d: ConstantPadding {
  override class var rank: Int { 3 }
}
