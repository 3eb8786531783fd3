import COctet

/// The elementwise family of the C library.
extension Kernel {
  /// `y[i] = table[x[i]]` on the bytes of dense tensors of one memory order.
  static func lookup(_ x: Tensor, _ table: [UInt8], into y: Tensor, operation: String)
    throws(OctetError)
  {
    precondition(table.count == 256 && x.count == y.count, "a result for each code")
    try run(workspace: 0, operation) { run in
      oct_lookup(x.baseAddress, x.count, table, y.baseAddress, run)
    }
  }

  /// A part of what is joined: dense rows of `columns` bytes, through a table of all codes or as they are.
  struct JoinedPart {
    let tensor: Tensor
    let columns: Int
    let table: [UInt8]?
  }

  /// Row `r` of `y` is row `r` of each part, one behind the other.
  static func joinRows(_ parts: [JoinedPart], rows: Int, into y: Tensor, operation: String)
    throws(OctetError)
  {
    // Tables lie one behind the other, so that one pointer reaches all of them.
    let tables = parts.flatMap { $0.table ?? [] }
    try run(workspace: 0, operation) { run in
      tables.withUnsafeBufferPointer { tables in
        var at = 0
        let joined = parts.map { part in
          defer { at += part.table?.count ?? 0 }
          return oct_joined(
            x: UnsafeRawPointer(part.tensor.baseAddress), columns: part.columns,
            table: part.table == nil ? nil : tables.baseAddress.map { $0 + at })
        }
        return oct_join_rows(joined, joined.count, rows, y.baseAddress, run)
      }
    }
  }

  /// Which function of two operands.
  enum BinaryFunction { case add, multiply }

  /// A sum or product of two dense 8-bit tensors of one memory order, into a third with its own quantizer.
  static func binary(
    _ function: BinaryFunction, _ a: (Tensor, ScalarQuantization),
    _ b: (Tensor, ScalarQuantization),
    relu: Bool, into y: (Tensor, ScalarQuantization), operation: String
  ) throws(OctetError) {
    var call = oct_quantized_binary()
    call.struct_size = UInt32(MemoryLayout<oct_quantized_binary>.size)
    call.dtype = type(of: y.0.dtype)
    call.count = y.0.count
    call.a = UnsafeRawPointer(a.0.baseAddress)
    call.b = UnsafeRawPointer(b.0.baseAddress)
    call.y = y.0.baseAddress
    (call.a_scale, call.a_zero_point) = (a.1.scale, a.1.zeroPoint)
    (call.b_scale, call.b_zero_point) = (b.1.scale, b.1.zeroPoint)
    (call.y_scale, call.y_zero_point) = (y.1.scale, y.1.zeroPoint)
    call.relu = relu
    try run(workspace: 0, operation) { run in
      switch function {
      case .add: oct_quantized_add(&call, run)
      case .multiply: oct_quantized_multiply(&call, run)
      }
    }
  }
}
