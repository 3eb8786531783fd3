/* Octet: int8 numerics in C. This header brings in every family of the public C interface. */
#ifndef OCTET_H
#define OCTET_H

#include "octet/activation.h"
#include "octet/attention.h"
#include "octet/base.h"
#include "octet/conv.h"
#include "octet/elementwise.h"
#include "octet/embedding.h"
#include "octet/fakequant.h"
#include "octet/gemm.h"
#include "octet/interpolate.h"
#include "octet/norm.h"
#include "octet/observe.h"
#include "octet/pool.h"
#include "octet/quantize.h"
#include "octet/rnn.h"
#include "octet/sgemm.h"

#endif /* OCTET_H */
