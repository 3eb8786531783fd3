import COctet

/// The crossing from Swift to the C kernels: status codes become errors, workspaces are lent.
enum Kernel {
  /// Throws what the kernel library says went wrong.
  static func check(_ status: oct_status, _ operation: String) throws(OctetError) {
    if status == OCT_OK { return }
    throw OctetError(
      .kernelFailure, operation: operation, expected: "arguments that the kernels take",
      received:
        "\(String(cString: oct_status_name(status))): \(String(cString: oct_last_error_message()))"
    )
  }

  /// Runs `body` with a run context that lends `byteCount` bytes of workspace.
  static func run(
    workspace byteCount: Int, _ operation: String, _ body: (UnsafePointer<oct_run>) -> oct_status
  ) throws(OctetError) {
    let buffer = byteCount > 0 ? WorkspacePool.shared.take(byteCount) : nil
    var run = oct_run()
    run.struct_size = UInt32(MemoryLayout<oct_run>.size)
    run.workspace = buffer?.baseAddress
    run.workspace_size = buffer?.count ?? 0
    let status = body(&run)
    if let buffer { WorkspacePool.shared.put(buffer) }
    try check(status, operation)
  }

  /// The C type of a tensor's stored elements.
  static func type(of dtype: DType) -> oct_dtype {
    switch dtype.storageDType {
    case .uint8: OCT_U8
    case .int8: OCT_S8
    case .int32: OCT_S32
    default: OCT_F32
    }
  }
}

/// The calling process's view of the kernel library.
public enum Kernels {
  /// The kernel library's version.
  public static var version: String { String(cString: oct_version()) }

  /// Threads that kernels use when they aren't told.
  public static var maxThreads: Int { Int(oct_max_threads()) }

  /// The instruction set tier that dispatch uses at most now: the CPU's best, lowered by `OCTET_MAX_ISA`.
  ///
  /// - Throws: `kernelFailure` when `OCTET_MAX_ISA` names no tier of this architecture.
  public static func maxISA() throws(OctetError) -> String {
    var isa = OCT_ISA_SCALAR
    try Kernel.check(oct_max_isa(&isa), "OCTET_MAX_ISA")
    return String(cString: oct_isa_name(isa))
  }

  /// The tiers this CPU and build have, lowest first.
  public static var supportedISAs: [String] {
    (0..<OCT_ISA_COUNT.rawValue).compactMap { raw in
      let isa = oct_isa(rawValue: raw)
      return oct_isa_supported(isa) ? String(cString: oct_isa_name(isa)) : nil
    }
  }
}

/// Runs `body` on disjoint ranges that cover `0..<count`, each at most `grain` long, on the kernels' threads.
package func parallelFor(
  _ count: Int, grain: Int, _ body: @escaping @Sendable (Range<Int>) -> Void
) {
  final class Box {
    let body: @Sendable (Range<Int>) -> Void
    init(_ body: @escaping @Sendable (Range<Int>) -> Void) { self.body = body }
  }
  let box = Box(body)
  withExtendedLifetime(box) {
    oct_parallel_for(
      max(count, 0), max(grain, 1), 0,
      { context, begin, end, _ in
        guard let context else { return }
        Unmanaged<Box>.fromOpaque(context).takeUnretainedValue().body(begin..<end)
      }, Unmanaged.passUnretained(box).toOpaque())
  }
}
