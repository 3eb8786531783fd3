/// Modules that compute on integers with parameters fixed at conversion. torch.ao.nn.quantized and
/// torch.ao.nn.intrinsic.quantized.
public enum Quantized {}

/// Modules with integer weights whose activations are quantized as they come, real in and out.
/// torch.ao.nn.quantized.dynamic.
public enum Dynamic {}

/// Modules that hold float weights and compute in float32 with what quantizing and dequantizing makes of them: the semantics that
/// integer modules are lowered from. torch.ao.nn.quantized.reference.
public enum Reference {}

/// Float modules that fusion made of several. torch.ao.nn.intrinsic.
public enum Fused {}

/// Float modules rebuilt of parts that can be observed, in place of those that compute as a whole: `prepare` installs them, and
/// `convert` replaces them by their quantized forms. torch.ao.nn.quantizable.
public enum Quantizable {}

/// Float modules whose weight is rounded to the quantized grid while they train. torch.ao.nn.qat and torch.ao.nn.intrinsic.qat.
public enum QAT {
  /// Modules that train for activations quantized at run time. torch.ao.nn.qat.dynamic.
  public enum Dynamic {}
}
